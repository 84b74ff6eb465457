import type { Explanation } from '@pilothouse/scheduler-lab/api/types';
import { describe, expect, test } from 'vitest';
import { choiceSentence, decisiveStop, matrixOf, stopsOf } from './attempt.ts';

const explanation: Explanation = {
  result: 'Scheduled', summary: 's', schedulerName: 'default-scheduler', node: 'n2', nodesTotal: 3, nodesEvaluated: 3, nodesFeasible: 2, details: 'Recorded',
  plugins: [
    { point: 'PreFilter', plugin: 'NodeResourcesFit', code: 'Success' },
    { point: 'Filter', plugin: 'TaintToleration', asked: 3, rejected: 1 },
    { point: 'Filter', plugin: 'NodePorts', code: 'Skip' },
    { point: 'Filter', plugin: 'NodeResourcesFit', asked: 2, rejected: 0 },
    { point: 'Score', plugin: 'TaintToleration', weight: 3 },
    { point: 'Score', plugin: 'NodeResourcesFit', weight: 1 },
    { point: 'Bind', plugin: 'DefaultBinder', code: 'Success' },
  ],
  groups: [{ plugin: 'TaintToleration', code: 'UnschedulableAndUnresolvable', reasons: ['node(s) had untolerated taint(s)'], count: 1, nodes: ['n3'] }],
  nodes: [
    { name: 'n2', feasible: true, evaluated: true, chosen: true, total: 370, filters: [{ plugin: 'TaintToleration', code: 'Success' }, { plugin: 'NodeResourcesFit', code: 'Success' }], scores: [{ plugin: 'TaintToleration', raw: 0, normalized: 100, weighted: 300 }, { plugin: 'NodeResourcesFit', raw: 70, normalized: 70, weighted: 70 }] },
    { name: 'n1', feasible: true, evaluated: true, total: 340, filters: [{ plugin: 'TaintToleration', code: 'Success' }, { plugin: 'NodeResourcesFit', code: 'Success' }], scores: [{ plugin: 'TaintToleration', raw: 0, normalized: 100, weighted: 300 }, { plugin: 'NodeResourcesFit', raw: 40, normalized: 40, weighted: 40 }] },
    { name: 'n3', feasible: false, evaluated: true, rejectedBy: 'TaintToleration', filters: [{ plugin: 'TaintToleration', code: 'UnschedulableAndUnresolvable', reasons: ['node(s) had untolerated taint(s)'] }] },
  ],
  choice: { rule: 'HighestScore', score: 370, tied: ['n2'], tiedCount: 1, runnerUp: { node: 'n1', score: 340 } },
};

describe('an attempt seen at an extension point', () => {
  test('stops at the points where something happened, and opens where it was decided', () => {
    const stops = stopsOf(explanation);
    expect(stops.map((s) => s.point)).toEqual(['PreFilter', 'Filter', 'Score', 'NormalizeScore', 'Bind']);
    expect(stops[decisiveStop(explanation, stops)].point).toBe('NormalizeScore');
    expect(stops[1].sentence).toBe('3 nodes: 2 can take the pod, 1 cannot (1 by TaintToleration).');
    expect(choiceSentence(explanation)).toBe('n2 won with 370, 30 ahead of n1.');
  });
  test('has a column for each plugin that was asked', () => {
    expect(matrixOf(explanation, 'Filter').columns.map((c) => `${c.kind} ${c.plugin}`)).toEqual(['filter TaintToleration', 'filter NodeResourcesFit', 'score TaintToleration', 'score NodeResourcesFit']);
  });
  test('at Filter shows verdicts and no score; who was not asked and why', () => {
    const { rows } = matrixOf(explanation, 'Filter');
    expect(rows[0].cells.map((c) => c.state)).toEqual(['verdict', 'verdict', 'later', 'later']);
    expect(rows[2].cells[0]).toEqual({ state: 'verdict', code: 'UnschedulableAndUnresolvable', reason: 'TaintToleration on n3: node(s) had untolerated taint(s)' });
    expect(rows[2].cells[1]).toEqual({ state: 'none', why: 'not asked: TaintToleration had said no' });
    expect(rows[0].chosen).toBe(false);
  });
  test('at Score shows raw scores, at NormalizeScore weighted ones with totals and the winner', () => {
    expect(matrixOf(explanation, 'Score').rows[0].cells[3]).toMatchObject({ state: 'score', value: 70, bar: 1 });
    const { rows } = matrixOf(explanation, 'NormalizeScore');
    expect(rows[0]).toMatchObject({ node: 'n2', chosen: true, total: 370, totalBar: 1 });
    expect(rows[0].cells[2]).toMatchObject({ value: 300, bar: 1 });
  });
  test('counts the rows that a search or a limit leaves out', () => {
    expect(matrixOf(explanation, 'Filter', { limit: 1 })).toMatchObject({ hidden: 2 });
    expect(matrixOf(explanation, 'Filter', { search: 'tainttol' }).rows.map((r) => r.node)).toEqual(['n3']);
  });
  test('of which nothing is known but the result still has one stop', () => {
    expect(stopsOf({ ...explanation, plugins: [], nodes: [], groups: [], choice: undefined, result: 'Gated' }).map((s) => s.point)).toEqual(['PreEnqueue']);
  });
});
