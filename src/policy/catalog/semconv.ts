import type { KeyType } from '../compile/compiled.ts';

/**
 * Keys of OpenTelemetry's semantic conventions whose values are not strings (the attribute registry after release 1.44,
 * deprecated keys included), one list a type, keys parted by white space. Template and array types are left out: they
 * read as text. `sampling.adjusted_count` is ours.
 */
const keysByType: { readonly [type in Exclude<KeyType, 'VARCHAR'>]: string } = {
  BIGINT: `
    app.jank.frame_count app.screen.coordinate.x app.screen.coordinate.y aws.dynamodb.count aws.dynamodb.limit
    aws.dynamodb.scanned_count aws.dynamodb.segment aws.dynamodb.table_count aws.dynamodb.total_segments
    aws.s3.part_number azure.cosmosdb.request.body.size azure.cosmosdb.response.sub_status_code cassandra.page.size
    cassandra.speculative_execution.count client.port code.column code.column.number code.line.number code.lineno
    cpu.logical_number cpython.gc.generation db.cassandra.page_size db.cassandra.speculative_execution_count
    db.cosmosdb.request_content_length db.cosmosdb.status_code db.cosmosdb.sub_status_code db.operation.batch.size
    db.redis.database_index db.response.returned_rows destination.port faas.max_memory file.size
    gcp.cloud_run.job.task_index gen_ai.embeddings.dimension.count gen_ai.openai.request.seed
    gen_ai.request.choice.count gen_ai.request.max_tokens gen_ai.request.seed
    gen_ai.usage.cache_creation.input_tokens gen_ai.usage.cache_read.input_tokens gen_ai.usage.completion_tokens
    gen_ai.usage.input_tokens gen_ai.usage.output_tokens gen_ai.usage.prompt_tokens
    gen_ai.usage.reasoning.output_tokens host.cpu.cache.l2.size http.request.body.size http.request.resend_count
    http.request.size http.request_content_length http.request_content_length_uncompressed http.response.body.size
    http.response.size http.response.status_code http.response_content_length
    http.response_content_length_uncompressed http.status_code k8s.container.restart_count message.compressed_size
    message.id message.uncompressed_size messaging.batch.message_count messaging.eventhubs.message.enqueued_time
    messaging.gcp_pubsub.message.ack_deadline messaging.gcp_pubsub.message.delivery_attempt
    messaging.kafka.destination.partition messaging.kafka.message.offset messaging.kafka.offset
    messaging.message.body.size messaging.message.envelope.size messaging.rabbitmq.message.delivery_tag
    messaging.rocketmq.message.delay_time_level messaging.rocketmq.message.delivery_timestamp
    messaging.servicebus.message.delivery_count messaging.servicebus.message.enqueued_time net.host.port
    net.peer.port net.sock.host.port net.sock.peer.port network.local.port network.peer.port
    onc_rpc.procedure.number onc_rpc.version process.args_count process.exit.code process.group_leader.pid
    process.parent_pid process.pid process.real_user.id process.saved_user.id process.session_leader.pid
    process.user.id process.vpid rpc.grpc.status_code rpc.jsonrpc.error_code rpc.message.compressed_size
    rpc.message.id rpc.message.uncompressed_size server.port source.port system.cpu.logical_number thread.id
    url.port`,
  DOUBLE: `
    app.jank.period app.jank.threshold aws.dynamodb.provisioned_read_capacity
    aws.dynamodb.provisioned_write_capacity azure.cosmosdb.operation.request_charge browser.web_vital.delta
    browser.web_vital.value db.cosmosdb.request_charge gen_ai.evaluation.score.value
    gen_ai.request.frequency_penalty gen_ai.request.presence_penalty gen_ai.request.temperature gen_ai.request.top_k
    gen_ai.request.top_p gen_ai.response.time_to_first_chunk geo.location.lat geo.location.lon
    sampling.adjusted_count`,
  BOOLEAN: `
    aspnetcore.request.is_unhandled aspnetcore.routing.is_fallback aspnetcore.sign_in.is_persistent
    aspnetcore.user.is_authenticated aws.dynamodb.consistent_read aws.dynamodb.scan_forward browser.mobile
    cassandra.query.idempotent db.cassandra.idempotence exception.escaped faas.coldstart gen_ai.request.stream
    jvm.thread.daemon k8s.service.publish_not_ready_addresses messaging.destination.anonymous
    messaging.destination.temporary messaging.destination_publish.anonymous messaging.kafka.message.tombstone
    pprof.location.is_folded pprof.mapping.has_filenames pprof.mapping.has_functions pprof.mapping.has_inline_frames
    pprof.mapping.has_line_numbers process.interactive tls.established tls.resumed`,
};

/** Type of each such key; a key that is not here is a string as far as the conventions know. */
export const conventionalTypes: ReadonlyMap<string, KeyType> = new Map(
  (['BIGINT', 'DOUBLE', 'BOOLEAN'] as const).flatMap((type) =>
    keysByType[type]
      .trim()
      .split(/\s+/)
      .map((key): [string, KeyType] => [key, type]),
  ),
);
