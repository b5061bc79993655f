import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.extension.trace.jaeger.sampler.JaegerRemoteSampler;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * HeadClient ENDPOINT SERVICE INTERVAL_MS: an application whose SDK asks ENDPOINT (a URL without a path, gRPC) for its sampling rates, with the SDK's extension
 * for Jaeger's remote sampling. Every 100 ms it starts 1,000 traces by each of two names and prints how many were sampled as a line of JSON.
 */
public final class HeadClient {
  private static final int OF = 1000;

  public static void main(String[] args) throws InterruptedException {
    Sampler remote = JaegerRemoteSampler.builder().setEndpoint(args[0]).setServiceName(args[1])
        .setPollingInterval(Integer.parseInt(args[2]), TimeUnit.MILLISECONDS).setInitialSampler(Sampler.alwaysOff()).build();
    Tracer tracer = SdkTracerProvider.builder().setSampler(Sampler.parentBased(remote)).build().get("client");
    while (true) {
      Map<String, String> attributes = new TreeMap<>();
      int op = sampled(tracer, "op", attributes);
      int rare = sampled(tracer, "rare", attributes);
      System.out.println("{\"op\":" + op + ",\"rare\":" + rare + ",\"of\":" + OF + ",\"attributes\":" + json(attributes) + "}");
      Thread.sleep(100);
    }
  }

  private static int sampled(Tracer tracer, String name, Map<String, String> attributes) {
    int count = 0;
    for (int i = 0; i < OF; i++) {
      Span span = tracer.spanBuilder(name).setParent(Context.root()).startSpan();
      if (span.getSpanContext().isSampled()) {
        count++;
        ((ReadableSpan) span).getAttributes().forEach((AttributeKey<?> key, Object value) -> attributes.put(key.getKey(), String.valueOf(value)));
      }
      span.end();
    }
    return count;
  }

  private static String json(Map<String, String> texts) {
    StringBuilder out = new StringBuilder("{");
    texts.forEach((key, value) -> out.append(out.length() == 1 ? "\"" : ",\"").append(key).append("\":\"").append(value).append('"'));
    return out.append('}').toString();
  }
}
