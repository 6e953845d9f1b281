import { LASTING } from './api.ts'
import type { Daemon } from './daemon.ts'

/** A machine that has had its first command: what is measured in it is warm, and it is worth a fork or a pause. */
export async function usedMachine({ api }: Daemon): Promise<string> {
  const id = await api.createMachine(LASTING)
  await api.execTrue(id)
  return id
}
