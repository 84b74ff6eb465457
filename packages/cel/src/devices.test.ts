import { describe, expect, it } from 'vitest';
import { compileDeviceSelector, matchesDevice } from './devices.ts';

const device = { driver: 'gpu.example.com', attributes: { model: { string: 'a100' }, 'other.example.com/index': { int: 3 }, version: { version: '1.2.3' } }, capacity: { memory: { value: '40Gi' } } };

describe('device selectors', () => {
  it.each<[string, boolean]>([
    ["device.driver == 'gpu.example.com' && device.attributes['gpu.example.com'].model == 'a100'", true],
    ["device.attributes['other.example.com'].index > 5", false],
    ["device.attributes['gpu.example.com'].version.isGreaterThan(semver('1.0.0'))", true],
    ["device.capacity['gpu.example.com'].memory.compareTo(quantity('80Gi')) >= 0", false],
    ["'model' in device.attributes['nowhere.example.com']", false],
    ['device.allowMultipleAllocations', false],
    ["cel.bind(a, device.attributes['gpu.example.com'], a.model.startsWith('a'))", true],
  ])('%s: %s', (expression, wanted) => expect(matchesDevice(expression, device)).toBe(wanted));

  it('fail on what a device does not have', () => expect(() => matchesDevice("device.attributes['gpu.example.com'].nope == 1", device)).toThrow('no such key: nope'));
  it.each([
    ['device.nope', /^compilation failed: ERROR: <input>:1:7: undefined field 'nope'/],
    ['device.driver', /^must evaluate to bool or the unknown type, not string/],
  ])('%s is refused', (expression, why) => expect(compileDeviceSelector(expression).error).toMatch(why));
  it('may not cost too much', () => {
    expect(compileDeviceSelector("device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, a != b && c != d))))").tooComplex).toBe(true);
    expect(compileDeviceSelector("device.attributes.all(a, a != '')").tooComplex).toBe(false);
  });
});
