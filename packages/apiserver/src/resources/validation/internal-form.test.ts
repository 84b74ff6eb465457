import { invalid } from '@pilothouse/apimachinery';
import { describe, expect, test } from 'vitest';
import { internalForm } from './internal-form.ts';
import { internalDifferences } from './internal-types.ts';
import { unifiedDiff } from './spec-diff.ts';

const shown = (...args: Parameters<typeof internalForm>): string => JSON.stringify(internalForm(...args));

describe('a struct in an error text', () => {
  test('shows Go names, declared order and every zero', () => {
    expect(shown('apps/v1.DeploymentStrategy', { type: 'Nope' })).toBe('{"Type":"Nope","RollingUpdate":null}');
    expect(shown('storage/v1.VolumeAttachmentSpec', { nodeName: 'n', attacher: 'a', source: { persistentVolumeName: 'pv' } })).toBe('{"Attacher":"a","Source":{"PersistentVolumeName":"pv","InlineVolumeSpec":null},"NodeName":"n"}');
    expect(shown('rbac/v1.RoleRef', { name: 'r', kind: 'Role', apiGroup: 'g' })).toBe('{"APIGroup":"g","Kind":"Role","Name":"r"}');
  });

  test('shows the zero of what is no pointer inside the server', () => {
    expect(shown('apps/v1.RollingUpdateStatefulSetStrategy', {})).toBe('{"Partition":0,"MaxUnavailable":null}');
  });

  test('keeps the JSON form of metadata and label selectors', () => {
    expect(shown('meta/v1.LabelSelector', { matchExpressions: [{ values: [], operator: 'Exists', key: 'a' }], matchLabels: { b: '1', a: '2' } })).toBe('{"matchLabels":{"a":"2","b":"1"},"matchExpressions":[{"key":"a","operator":"Exists"}]}');
    expect(shown('policy/v1.PodDisruptionBudgetSpec', { minAvailable: 1, selector: { matchLabels: { a: 'b' } } })).toBe('{"MinAvailable":1,"Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":null,"UnhealthyPodEvictionPolicy":null}');
  });

  test('has the host namespaces of a pod in its security context', () => {
    const form = internalForm('core/v1.PodSpec', { hostNetwork: true, containers: [{ name: 'c', tty: true }] }) as Record<string, Record<string, unknown>>;
    expect(Object.keys(form.SecurityContext).slice(0, 6)).toEqual(['HostNetwork', 'HostPID', 'HostIPC', 'ShareProcessNamespace', 'HostUsers', 'SELinuxOptions']);
    expect(form.SecurityContext).toMatchObject({ HostNetwork: true, HostPID: false, HostUsers: null });
    expect(form).not.toHaveProperty('DeprecatedServiceAccount');
    const names = Object.keys(form);
    expect(names.slice(names.indexOf('Subdomain')).slice(0, 3)).toEqual(['Subdomain', 'SetHostnameAsFQDN', 'Affinity']);
  });

  test('has the fields of embedded metadata among its own', () => {
    expect(shown('core/v1.PersistentVolumeClaimTemplate', { metadata: { labels: { a: 'b' } }, spec: {} })).toMatch(/^\{"labels":\{"a":"b"\},"Spec":\{"AccessModes":null,/);
  });

  test.each(Object.keys(internalDifferences))('%s can be shown', (type) => {
    expect(internalForm(type as 'core/v1.PodSpec', {})).toBeTypeOf('object');
  });
});

test('bad values are quoted as Go does', () => {
  expect(invalid('f', 'a\x01"\u200b', 'x').message).toBe('Invalid value: "a\\x01\\"\\u200b": x');
  expect(invalid('f', ['<a>'], 'x').message).toBe('Invalid value: ["\\u003ca\\u003e"]: x');
});

describe('the diff of a refused change', () => {
  test('has three lines of context and counts from one', () => {
    expect(unifiedDiff({ a: 1, b: 2, c: 3, d: 4, e: 5 }, { a: 1, b: 2, c: 3, d: 4, e: 6 })).toBe('@@ -3,5 +3,5 @@\n  "b": 2,\n  "c": 3,\n  "d": 4,\n- "e": 5\n+ "e": 6\n }\n');
  });

  test('shows far changes in hunks of their own', () => {
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    const diff = unifiedDiff(numbers, numbers.map((n) => (n === 2 || n === 17 ? -n : n)));
    expect(diff.match(/^@@.*@@$/gm)).toEqual(['@@ -1,7 +1,7 @@', '@@ -16,7 +16,7 @@']);
  });
});
