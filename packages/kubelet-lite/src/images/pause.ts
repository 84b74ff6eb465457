/**
 * The pause image: what holds a pod's namespaces. Its one program ignores SIGCHLD, so that the kernel reaps orphans of
 * a shared process namespace by itself, and then waits for ever. It is a static ELF file of some 200 bytes, put
 * together here, so no compiler and no registry is needed.
 */
import type { LocalImage } from './oci-archive.ts';

const loadAddress = 0x400000;
const headerBytes = 64 + 56;

interface Machine {
  /** ELF e_machine. */
  elf: number;
  /** Instructions, for the address at which `struct sigaction` will lie. */
  code(actAddress: (codeBytes: number) => number): Buffer;
}

const words = (...list: number[]) => {
  const bytes = Buffer.alloc(list.length * 4);
  list.forEach((word, i) => bytes.writeUInt32LE(word >>> 0, i * 4));
  return bytes;
};

const machines: Record<string, Machine> = {
  x64: {
    elf: 62,
    code: (actAddress) => {
      const act = Buffer.alloc(4);
      const length = 34;
      act.writeUInt32LE(actAddress(length));
      return Buffer.concat([
        Buffer.from('b80d000000bf11000000be', 'hex'), // eax = rt_sigaction, edi = SIGCHLD, esi =
        act,
        Buffer.from('31d241ba080000000f05', 'hex'), // edx = 0, r10 = 8, syscall
        Buffer.from('b8220000000f05ebf7', 'hex'), // again: eax = pause, syscall, jump to again
      ]);
    },
  },
  arm64: {
    elf: 183,
    code: (actAddress) => {
      const length = 13 * 4;
      const offset = actAddress(length) - (loadAddress + headerBytes + 8);
      const adrX1 = 0x10000001 | ((offset & 3) << 29) | ((offset >> 2) << 5);
      return words(
        0xd28010c8, 0xd2800220, adrX1, 0xd2800002, 0xd2800103, 0xd4000001, // rt_sigaction(SIGCHLD, act, 0, 8)
        0xd2800928, 0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd4000001, 0x17fffffa, // again: ppoll(0, 0, 0, 0), branch to again
      );
    },
  },
};

/** The program for one of Node's architectures. @throws for others than x64 and arm64 */
export function pauseProgram(arch: string): Buffer {
  const machine = machines[arch];
  if (!machine) throw new Error(`no pause program for the architecture ${arch}; have ${Object.keys(machines).join(', ')}`);
  const code = machine.code((codeBytes) => loadAddress + headerBytes + codeBytes);
  const act = Buffer.alloc(32);
  act.writeUInt32LE(1); // SIG_IGN
  const size = headerBytes + code.length + act.length;
  const elf = Buffer.alloc(headerBytes);
  elf.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(machine.elf, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(loadAddress + headerBytes), 24);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64); // PT_LOAD, read and execute
  elf.writeUInt32LE(5, 68);
  elf.writeBigUInt64LE(BigInt(loadAddress), 80);
  elf.writeBigUInt64LE(BigInt(loadAddress), 88);
  elf.writeBigUInt64LE(BigInt(size), 96);
  elf.writeBigUInt64LE(BigInt(size), 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, code, act]);
}

/** The image under the name given (containerd's `sandbox_image`). */
export const pauseImage = (reference = 'registry.k8s.io/pause:3.10', arch: string = process.arch): LocalImage => ({
  reference,
  arch,
  files: [{ name: 'pause', mode: 0o755, content: pauseProgram(arch) }],
  config: { Entrypoint: ['/pause'], User: '65535:65535', WorkingDir: '/', Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
});
