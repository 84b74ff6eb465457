import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

let counter = 0;

/** Writes through a temporary file in the same directory and a rename, so that a reader sees the old file or the new one, whole. */
export async function writeFileAtomically(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${counter++}.tmp`);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

/** As `writeFileAtomically`, unless the file has come to exist meanwhile; answers with what stands there now. */
export async function writeFileOnce(path: string, content: string, mode = 0o600): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${counter++}.new`);
  await writeFileAtomically(temporary, content, mode);
  try {
    await link(temporary, path);
    return content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return await readFile(path, 'utf8');
  } finally {
    await rm(temporary, { force: true });
  }
}
