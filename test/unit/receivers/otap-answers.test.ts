import { describe, expect, it } from 'vitest';
import { CodedError, statusNumbers, type StatusName } from '../../../src/base/errors.ts';
import type { BatchStatus } from '../../../src/otap/proto/batch-status.ts';
import { acceptedAck, type BatchAnswer } from '../../../src/pipeline/intake-port.ts';
import { AnswerQueue, batchStatusOf } from '../../../src/receivers/otap-answers.ts';

/** The numbers of StatusCode in the OTAP specification, section 7.1. */
const otapCodes = new Set([0, 1, 3, 4, 7, 8, 10, 13, 14, 16]);

describe('batchStatusOf', () => {
  it('uses only codes that the specification has, never OK for an error', () => {
    for (const status of Object.keys(statusNumbers) as StatusName[]) {
      const { statusCode } = batchStatusOf(1n, { status, message: '', retryAfterMs: null });
      expect(otapCodes).toContain(statusCode);
      expect(statusCode === 0).toBe(status === 'OK');
    }
  });

  it('tells a sender in words when to come again, by the one code that all senders understand so', () => {
    expect(batchStatusOf(4n, { status: 'RESOURCE_EXHAUSTED', message: 'memory is full', retryAfterMs: 199.2 }))
      .toEqual({ batchId: 4n, statusCode: 14, statusMessage: 'memory is full (retry after 200 ms)' });
    expect(batchStatusOf(4n, { status: 'RESOURCE_EXHAUSTED', message: 'never fits', retryAfterMs: null })).toEqual({ batchId: 4n, statusCode: 8, statusMessage: 'never fits' });
  });
});

describe('AnswerQueue', () => {
  function answer(batchId: bigint, streamBroken = false): BatchAnswer {
    return { batchId, ack: streamBroken ? { status: 'INVALID_ARGUMENT', message: 'broken', retryAfterMs: null } : acceptedAck, streamBroken };
  }

  function queue(inFlightMax = 4): { answers: AnswerQueue; sent: BatchStatus[]; outcomes: string[]; settled: (outcome: string) => void } {
    const sent: BatchStatus[] = [];
    const outcomes: string[] = [];
    let writing = 0;
    const answers = new AnswerQueue(inFlightMax, async (status) => {
      expect(++writing).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      sent.push(status);
      writing--;
    });
    return { answers, sent, outcomes, settled: (outcome) => outcomes.push(outcome) };
  }

  it('sends each answer when it is there, one write at a time', async () => {
    const { answers, sent, settled } = queue();
    const slow = Promise.withResolvers<BatchAnswer>();
    answers.add(slow.promise, settled);
    answers.add(Promise.resolve(answer(1n)), settled);
    answers.add(Promise.resolve(answer(2n)), settled);
    setTimeout(() => slow.resolve(answer(0n)), 5);
    await answers.settled();
    expect(sent.map(({ batchId }) => batchId)).toEqual([1n, 2n, 0n]);
  });

  it('makes the caller wait at the bound', async () => {
    const { answers, settled } = queue(2);
    const first = Promise.withResolvers<BatchAnswer>();
    answers.add(first.promise, settled);
    await answers.roomForOne();
    answers.add(new Promise(() => {}), settled);
    let room = false;
    void answers.roomForOne().then(() => (room = true));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(room).toBe(false);
    first.resolve(answer(0n));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(room).toBe(true);
  });

  it('answers the others after a failure, and tells the first failure', async () => {
    const { answers, sent, outcomes, settled } = queue();
    let told = 0;
    answers.onFailure(() => told++);
    answers.add(Promise.resolve(answer(0n, true)), settled);
    answers.add(Promise.reject(new CodedError('INTERNAL', 'lost', 'second failure')), settled);
    answers.add(Promise.resolve(answer(2n)), settled);
    await answers.settled();
    expect(sent.map(({ batchId, statusCode }) => [batchId, statusCode])).toEqual([[0n, 3], [2n, 0]]);
    expect(outcomes).toEqual(expect.arrayContaining(['invalid_argument', 'lost', 'ok']));
    expect(told).toBe(1);
    expect(() => answers.throwFailure()).toThrow(CodedError);
  });
});
