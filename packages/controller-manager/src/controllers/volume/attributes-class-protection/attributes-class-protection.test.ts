import { persistentVolumeClaims, volumeAttributesClasses } from '@pilothouse/apimachinery';
import { runOnBench } from '@pilothouse/testing/run-controllers';
import { expect, test } from 'vitest';
import { attributesClassProtectionController } from './controller.ts';

test('a class goes when nothing has it any more', async () => {
  const bench = await runOnBench([attributesClassProtectionController]);
  try {
    const { client } = bench;
    await client.create(volumeAttributesClasses, { metadata: { name: 'gold' }, driverName: 'd.example.com', parameters: { iops: '1' } });
    await bench.until(async () => (await client.get(volumeAttributesClasses, 'gold')).metadata.finalizers?.includes('kubernetes.io/vac-protection'));
    await client.create(persistentVolumeClaims, { metadata: { name: 'c', namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeAttributesClassName: 'gold' } });
    await client.delete(volumeAttributesClasses, 'gold');
    await bench.advance(1000);
    expect((await client.get(volumeAttributesClasses, 'gold')).metadata.deletionTimestamp).toBeDefined();
    await client.delete(persistentVolumeClaims, 'c', { namespace: 'default' });
    await bench.until(async () => (await client.list(volumeAttributesClasses)).items.length === 0);
  } finally {
    await bench.close();
  }
});
