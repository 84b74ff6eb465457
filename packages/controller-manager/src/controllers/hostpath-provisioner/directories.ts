/** The directories of volumes, on the machine that this process runs on. */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Anybody may write into a new volume, whoever its containers run as. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o777);
}

/** Removes a directory right below `base`; one that is gone already is fine. @throws Error for any other path */
export async function removeDirectory(path: string, base: string): Promise<void> {
  if (dirname(resolve(path)) !== resolve(base)) throw new Error(`${path} is not a volume's directory below ${base}`);
  await rm(path, { recursive: true, force: true });
}
