// The fake host: its VMs outlive the drivers that start them, as processes outlive a daemon.

import type { VmExit, VmHandle } from '../driver.ts'
import { createFakeGuest, type FakeGuest, type GuestState } from './fake-guest.ts'

export interface FakeVm {
  readonly handle: VmHandle
  readonly guest: FakeGuest
  readonly exited: PromiseWithResolvers<VmExit>
  readonly startedAt: number
  diskBytes: number
  held: 'disk_full' | 'disk_error' | null
  /** The shape it was restored with; null of one that was booted. */
  readonly restored: FakeShape | null
  capturing: boolean
}

export interface FakeShape {
  readonly vcpus: number
  readonly memoryMb: number
}

export interface FakeWorld {
  readonly vms: ReadonlyMap<string, FakeVm>
  start(id: string, dir: string, state: GuestState, restored: FakeShape | null): FakeVm
  /** The VM that this handle means, if it still runs. */
  find(handle: Pick<VmHandle, 'id' | 'dir'> & Partial<VmHandle>): FakeVm | null
  /** Death from outside: the process is gone, what it left behind stays. */
  crash(id: string, reason?: string): void
  restartAgent(id: string): void
  /** The host's disk is full: vCPUs stop until resume. */
  fillDisk(id: string): void
}

export function fakeWorld(): FakeWorld {
  const vms = new Map<string, FakeVm>()
  // Above any process id of the system, so that it cannot be taken for one.
  let lastPid = 1_000_000_000
  const get = (id: string): FakeVm => {
    const vm = vms.get(id)
    if (!vm) throw new Error(`no VM ${id} in this world: ${[...vms.keys()].join(', ')}`)
    return vm
  }
  return {
    vms,
    start(id, dir, state, restored) {
      const pid = ++lastPid
      const vm: FakeVm = {
        handle: { driver: 'fake', id, dir, pid, startTime: `${pid * 7}`, bootId: 'fake' },
        guest: createFakeGuest(state),
        exited: Promise.withResolvers(),
        startedAt: performance.now(),
        diskBytes: 0,
        held: null,
        restored,
        capturing: false,
      }
      vms.set(id, vm)
      return vm
    },
    find({ id, dir, pid, startTime, bootId }) {
      const vm = vms.get(id)
      if (!vm || vm.handle.dir !== dir) return null
      if (pid !== undefined && (vm.handle.pid !== pid || vm.handle.startTime !== startTime)) return null
      if (bootId !== undefined && bootId !== vm.handle.bootId) return null
      return vm
    },
    crash(id, reason = 'the fake hypervisor ended with signal SIGSEGV') {
      const vm = get(id)
      vms.delete(id)
      vm.guest.powerOff()
      vm.exited.resolve({ reason })
    },
    restartAgent: (id) => get(id).guest.restartAgent(),
    fillDisk(id) {
      const vm = get(id)
      vm.held = 'disk_full'
      vm.guest.freeze()
    },
  }
}
