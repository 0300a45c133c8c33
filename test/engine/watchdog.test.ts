import { Watchdog } from '../../src/engine/watchdog.ts';

describe('the watchdog of a runner', () => {
  const bitten: string[] = [];
  let watchdog: Watchdog;

  beforeEach(() => {
    jest.useFakeTimers();
    bitten.length = 0;
    const limits = { answerMs: 250, memoryBytes: Number.POSITIVE_INFINITY };
    watchdog = new Watchdog(process.pid, limits, (why) => bitten.push(why));
  });
  afterEach(() => {
    watchdog.stop();
    jest.useRealTimers();
  });

  test('bites when a frame is not answered in time', () => {
    watchdog.asked();
    watchdog.allowFor(1_000);
    jest.advanceTimersByTime(200);
    expect(bitten).toEqual([]);
    jest.advanceTimersByTime(100);
    expect(bitten).toEqual(['it left 1 frames unanswered for 250 ms']);
  });

  test('waits longer for the answer to a large frame, but not for ever', () => {
    watchdog.asked();
    watchdog.allowFor(100e6);
    jest.advanceTimersByTime(10_000);
    expect(bitten).toEqual([]);
    jest.advanceTimersByTime(500);
    expect(bitten).toEqual(['it left 1 frames unanswered for 10250 ms']);
  });

  test('waits no longer than usual once the large frame is answered', () => {
    watchdog.asked();
    watchdog.allowFor(100e6);
    watchdog.answered(1);
    watchdog.asked();
    watchdog.allowFor(1_000);
    jest.advanceTimersByTime(400);
    expect(bitten).toHaveLength(1);
  });
});
