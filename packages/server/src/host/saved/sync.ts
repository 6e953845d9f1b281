import { open } from 'node:fs/promises'

/** Files and directories, to the disk: what is acknowledged after it survives a loss of power. */
export async function syncAll(paths: readonly string[]): Promise<void> {
  await Promise.all(
    paths.map(async (path) => {
      await using file = await open(path, 'r')
      await file.sync()
    }),
  )
}
