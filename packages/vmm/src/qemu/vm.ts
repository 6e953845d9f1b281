// One running VM, ours or taken over: its process, its control connection, its agent socket.

import { rm } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { DriverError } from '../errors.ts'
import type { Op } from '../op.ts'
import type { Captured, CaptureSpec, Held, Vm, VmExit, VmHandle } from '../driver.ts'
import type { Cgroups } from './cgroup.ts'
import { openSocket, type Qmp } from './qmp.ts'
import type { VmPaths } from '../paths.ts'
import { cpuSeconds, isAlive, killProcess, waitUntilGone, type ProcessId } from './process.ts'
import { proportionalSetSize } from './memory.ts'

export interface VmParts {
  readonly handle: VmHandle
  readonly paths: VmPaths
  readonly process: ProcessId
  readonly qmp: Qmp
  readonly cgroups: Cgroups
  /** What the driver ends when it is closed; the VM lives on. */
  readonly connections: Set<Disposable>
  readonly exited: Promise<VmExit>
  readonly isHeld: () => Held | null
  readonly diagnosis: () => string
  /** null on a VM that was taken over: what it was booted from is not known any more. */
  readonly seal: ((op: Op, stateFile: string) => Promise<void>) | null
  /** null on a VM that was booted, or that a release started which did not write down what it takes. */
  readonly capture: ((op: Op, spec: CaptureSpec) => Promise<Captured>) | null
}

export function createVm({ handle, paths, process, qmp, cgroups, connections, exited, isHeld, diagnosis, seal, capture }: VmParts): Vm {
  let capturing = false
  let channel: Duplex | null = null
  const connection: Disposable = {
    [Symbol.dispose]() {
      channel?.destroy()
      qmp.close()
    },
  }
  connections.add(connection)
  qmp.closed.then(() => connections.delete(connection))
  return {
    handle,
    exited,
    diagnosis,
    async connect(op) {
      // QEMU serves one connection and lets the next wait in the backlog until the first ended.
      channel?.destroy()
      try {
        channel = await openSocket(op, paths.agent)
      } catch (cause) {
        throw isAlive(process) ? cause : new DriverError('vm_gone', `VM ${handle.id} is gone`, { cause })
      }
      return channel
    },
    async pause(op) {
      await qmp.execute(op, 'stop')
    },
    async resume(op) {
      await qmp.execute(op, 'cont')
    },
    async resizeDisk(op, bytes) {
      if (bytes > (await diskSize(op, qmp))) await qmp.execute(op, 'block_resize', { 'node-name': 'disk', size: bytes })
    },
    async seal(op, stateFile) {
      if (!seal) throw new DriverError('unsupported', 'Only a VM that this daemon booted can be sealed')
      await seal(op, stateFile)
      await remove(op, { id: handle.id, process, paths, cgroups })
    },
    async capture(op, spec) {
      if (!capture) throw new DriverError('unsupported', 'Only a VM that was restored from a snapshot, by this release, can be captured')
      if (capturing) throw new DriverError('control_failed', `VM ${handle.id} is being captured already`)
      capturing = true
      try {
        return await capture(op, spec)
      } finally {
        capturing = false
      }
    },
    async kill(op) {
      channel?.destroy()
      await remove(op, { id: handle.id, process, paths, cgroups })
      qmp.close()
    },
    get held() {
      return isHeld()
    },
    async usage() {
      const cpu = cpuSeconds(process)
      const memory = cpu === null ? null : await proportionalSetSize(process.pid)
      return cpu === null || memory === null ? null : { cpuSeconds: cpu, memoryBytes: memory }
    },
  }
}

/** Everything a VM leaves on the host; each part may be gone already. */
export async function remove(
  op: Op,
  { id, process, paths, cgroups }: { id: string; process: ProcessId | null; paths: VmPaths; cgroups: Cgroups },
): Promise<void> {
  if (process) {
    killProcess(process)
    await waitUntilGone(op, process)
  }
  await cgroups.remove(op, id)
  await rm(paths.dir, { recursive: true, force: true })
}

async function diskSize(op: Op, qmp: Qmp): Promise<number> {
  const nodes = await qmp.execute(op, 'query-named-block-nodes', { flat: true })
  const disk = (nodes as { 'node-name': string; image: { 'virtual-size': number } }[]).find((node) => node['node-name'] === 'disk')
  if (!disk) throw new DriverError('control_failed', 'QEMU does not know the disk')
  return disk.image['virtual-size']
}
