// Taking over a VM that an earlier daemon started. It is not our child: its end is seen by its control connection
// closing, and confirmed by its process.

import { DriverError } from '../errors.ts'
import { Op } from '../op.ts'
import type { Vm, VmExit, VmHandle } from '../driver.ts'
import { captureVm } from './capture.ts'
import type { Cgroups } from './cgroup.ts'
import { vmPaths } from '../paths.ts'
import { bootId, isAlive, waitUntilGone, type ProcessId } from './process.ts'
import { openQmp, type Qmp } from './qmp.ts'
import { lastWords, watchEvents } from './start.ts'
import { readTail } from './tail.ts'
import { createVm, type VmParts } from './vm.ts'

export interface Adoption {
  readonly cgroups: Cgroups
  readonly connections: VmParts['connections']
  /** Of the driver. */
  readonly lifetime: AbortSignal
}

export async function adoptVm(op: Op, handle: VmHandle, { cgroups, connections, lifetime }: Adoption): Promise<Vm | null> {
  const process: ProcessId = { pid: handle.pid, startTime: handle.startTime }
  if (!isRunning(handle)) return null
  const paths = vmPaths(handle.dir)
  const watch = watchEvents()
  let qmp: Qmp | null = null
  let status: string
  try {
    qmp = await openQmp(op.child('control connection', 5000), paths.control, watch.onEvent)
    status = ((await qmp.execute(op, 'query-status')) as { status: string }).status
  } catch (cause) {
    // QEMU serves one monitor connection at a time: a next try must find it free.
    qmp?.close()
    if (!isAlive(process)) return null
    throw new DriverError('control_failed', `VM ${handle.id} runs, but QEMU does not answer`, { cause })
  }
  if (status === 'io-error') watch.onEvent({ event: 'BLOCK_IO_ERROR', data: { action: 'stop' } })
  const diagnosis = (): string => readTail(paths.log, 2000)
  const exited = watchEnd({ qmp, process, lifetime, diagnosis })
  const common = { handle, paths, process, qmp, cgroups, connections, exited, isHeld: watch.isHeld, diagnosis }
  const { restored } = handle
  const capture: VmParts['capture'] = restored ? (op_, wanted) => captureVm(op_, { ...common, restored }, wanted) : null
  return createVm({ ...common, seal: null, capture })
}

/** The process's own word is not asked for: a hypervisor that a guest took over can change its arguments. */
function isRunning(handle: VmHandle): boolean {
  return handle.bootId === bootId() && isAlive({ pid: handle.pid, startTime: handle.startTime })
}

async function watchEnd({
  qmp,
  process,
  lifetime,
  diagnosis,
}: {
  qmp: Qmp
  process: ProcessId
  lifetime: AbortSignal
  diagnosis: () => string
}): Promise<VmExit> {
  await qmp.closed
  const op = new Op('wait for the end', { timeoutMs: Infinity, signal: lifetime })
  try {
    await waitUntilGone(op, process, 1000)
  } catch {
    // The driver was closed. Its VM lives on, and nobody waits for this any more.
    return new Promise(() => {})
  }
  return { reason: ['QEMU ended, how is not known to a daemon that did not start it', lastWords(diagnosis())].filter(Boolean).join(': ') }
}
