import { Scope } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { loopbackClient } from '../bootstrap/client.ts';
import { settle, startTestApi } from '../handlers/testing.ts';
import { keepSchemaStatus } from './dangling.ts';

const group = '/apis/flowcontrol.apiserver.k8s.io/v1';

test('a flow schema says whether its priority level is there, as it comes and goes', async () => {
  const api = await startTestApi();
  const scope = new Scope('test');
  await keepSchemaStatus(api.server.read, loopbackClient(api.server.handle), api.runtime, scope);
  const seen = async () => {
    for (let i = 0; i < 5; i++) {
      await settle();
      api.clock.advance(1);
    }
    await settle();
    const { conditions } = (await api.call('GET', `${group}/flowschemas/s`)).body.status;
    return conditions.map((c: any) => `${c.type} ${c.status} ${c.reason}`);
  };
  await api.call('POST', `${group}/flowschemas`, { metadata: { name: 's' }, spec: { priorityLevelConfiguration: { name: 'l' } } });
  expect(await seen()).toEqual(['Dangling True NotFound']);
  await api.call('POST', `${group}/prioritylevelconfigurations`, { metadata: { name: 'l' }, spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } });
  expect(await seen()).toEqual(['Dangling False Found']);
  await api.call('DELETE', `${group}/prioritylevelconfigurations/l`);
  expect(await seen()).toEqual(['Dangling True NotFound']);
  await scope.close();
  await api.close();
});
