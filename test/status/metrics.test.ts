import { MetricError, Metrics } from '../../src/status/metrics.ts';

test('counts of filters are series with the name of the filter and their labels', async () => {
  const metrics = new Metrics();
  metrics.count('greylist', 'deferred', 1, { kind: 'new' });
  metrics.count('greylist', 'deferred', 2, { kind: 'new' });
  metrics.count('other', 'deferred', 1, { kind: 'old' });
  metrics.count('greylist', 'passed', 1, {});
  const text = await metrics.registry.metrics();
  expect(text).toContain('postern_filter_deferred_total{filter="greylist",kind="new"} 3');
  expect(text).toContain('postern_filter_deferred_total{filter="other",kind="old"} 1');
  expect(text).toContain('postern_filter_passed_total{filter="greylist"} 1');
});

test('calls to stores are counted by what came of them, and a store is up or down', async () => {
  const metrics = new Metrics();
  metrics.kvCalled('fleet', 'ok');
  metrics.kvCalled('fleet', 'timeout');
  metrics.kvCalled('fleet', 'timeout');
  metrics.kvUp('fleet', false);
  metrics.kvUp('default', true);
  const text = await metrics.registry.metrics();
  expect(text).toContain('postern_kv_calls_total{store="fleet",outcome="ok"} 1');
  expect(text).toContain('postern_kv_calls_total{store="fleet",outcome="timeout"} 2');
  expect(text).toContain('postern_kv_up{store="fleet"} 0');
  expect(text).toContain('postern_kv_up{store="default"} 1');
});

test('labels without end are refused before they fill the memory', () => {
  const metrics = new Metrics();
  for (let n = 0; n < 1000; n++) metrics.count('f', 'seen', 1, { address: `192.0.2.${n}` });
  expect(() => metrics.count('f', 'seen', 1, { address: 'one more' })).toThrow(MetricError);
  metrics.count('f', 'seen', 1, { address: '192.0.2.7' });
});

test('counters without end are refused', () => {
  const metrics = new Metrics();
  for (let n = 0; n < 100; n++) metrics.count('f', `counter_${n}`, 1, {});
  expect(() => metrics.count('f', 'one_more', 1, {})).toThrow(/filter f has 100 counters already/);
  metrics.count('other', 'one_more', 1, {});
});

test('a counter has the same labels each time, and never that of the server', () => {
  const metrics = new Metrics();
  metrics.count('f', 'seen', 1, { kind: 'a' });
  expect(() => metrics.count('f', 'seen', 1, {})).toThrow(/the counter seen has the labels kind/);
  expect(() => metrics.count('f', 'seen', 1, { other: 'a' })).toThrow(MetricError);
  expect(() => metrics.count('f', 'mine', 1, { filter: 'g' })).toThrow(/set by the server/);
});

test('no filter uses up the series or the counters of another', async () => {
  const metrics = new Metrics();
  for (let n = 0; n < 1000; n++) metrics.count('first', 'seen', 1, { address: `192.0.2.${n}` });
  metrics.count('second', 'seen', 1, { address: '198.51.100.1' });
  expect(() => metrics.count('first', 'seen', 1, { address: 'x' })).toThrow(
    /1000 combinations of labels in filter first already/,
  );
  for (let n = 0; n < 99; n++) metrics.count('second', `counter_${n}`, 1, {});
  expect(() => metrics.count('second', 'one_more', 1, {})).toThrow(/filter second has 100/);
  for (let n = 0; n < 50; n++) metrics.count('third', `counter_${n}`, 1, {});
  const text = await metrics.registry.metrics();
  expect(text).toContain('postern_filter_seen_total{filter="second",address="198.51.100.1"} 1');
});

test('who has given a counter other labels is named', () => {
  const metrics = new Metrics();
  metrics.count('greylist', 'seen', 1, { kind: 'a' });
  expect(() => metrics.count('other', 'seen', 1, {})).toThrow(
    'metrics.count: the counter seen has the labels kind from filter greylist, which counted it first; give it the same, or give the counter another name',
  );
});
