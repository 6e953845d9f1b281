// The end of a golden boot: guest memory and disk are already in their files, so only device state is written.

import { open } from 'node:fs/promises'
import { DriverError, noSpaceOr } from '../errors.ts'
import type { Op } from '../op.ts'
import type { BootSpec } from '../driver.ts'
import { writeStateFile, type StateTraits } from '../state-file.ts'
import { share } from './access.ts'
import { waitUntilGone } from './process.ts'
import type { VmParts } from './vm.ts'

export function sealVm({
  qmp,
  paths,
  process,
  spec,
  traits,
  sharedWritable,
}: Pick<VmParts, 'qmp' | 'paths' | 'process'> & { spec: BootSpec; traits: StateTraits; sharedWritable: boolean }) {
  return async (op: Op, stateFile: string): Promise<void> => {
    await qmp.execute(op, 'stop')
    await qmp.execute(op, 'xen-save-devices-state', { filename: paths.state, live: true }).catch(noSpaceOr)
    await writeStateFile(stateFile, paths.state, traits).catch(noSpaceOr)
    // Not killed, so that the block layer closes its images.
    await qmp.execute(op, 'quit').catch(goneIsDone)
    await waitUntilGone(op, process)
    // A template that lost pages to a power cut would be restored again and again.
    for (const path of [spec.memoryFile, spec.disk]) await sync(path).catch(noSpaceOr)
    await share(spec.memoryFile, spec, { writable: sharedWritable })
    await share(spec.disk, spec, { writable: false })
    await share(stateFile, spec, { writable: false })
  }
}

/** The answer to `quit` may be overtaken by the end of the connection. */
function goneIsDone(error: unknown): void {
  if (!(error instanceof DriverError) || error.code !== 'vm_gone') throw error
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}
