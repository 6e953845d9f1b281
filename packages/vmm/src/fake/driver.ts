// A driver without a hypervisor, for tests of what stands above. It takes the same files, refuses the same mistakes and
// sits the same exam as the real one; its guests speak the real protocol and run nothing.

import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { duplexPair, type Duplex } from 'node:stream'
import { resolve } from 'node:path'
import { DriverError, noSpaceOr } from '../errors.ts'
import { Op } from '../op.ts'
import type { BootSpec, Driver, DriverInfo, Vm, VmSpec } from '../driver.ts'
import { checkDisk, checkKernel, checkMemoryFile } from '../files.ts'
import { verifyMemory } from '../memory-sums.ts'
import { vmPaths } from '../paths.ts'
import { openStateFile, writeStateFile, type StateTraits } from '../state-file.ts'
import { captureFake, DEVICE_STATE } from './fake-capture.ts'
import { FRESH_GUEST, type GuestState } from './fake-guest.ts'
import { readMemory, writeMemory } from './fake-memory.ts'
import { fakeWorld, type FakeShape, type FakeVm, type FakeWorld } from './fake-world.ts'
import type { FaultPoint, Faults } from './faults.ts'

export interface FakeOptions {
  /** Given to a second driver, its VMs are found again. */
  readonly world?: FakeWorld
  readonly faults?: Faults
  /** Changes what snapshots of this driver fit, as an upgrade of a hypervisor does. */
  readonly version?: string
}

export interface FakeDriver extends Driver {
  readonly world: FakeWorld
  readonly faults: Faults
}

export function fake({ world = fakeWorld(), faults = {}, version = '1.0.0' }: FakeOptions = {}): FakeDriver {
  const info: DriverInfo = {
    name: 'fake',
    version,
    features: { accelerator: 'none', liveSnapshot: true },
    acceleratorReason: 'The fake runs no guest',
    boundsReason: 'The fake has no processes',
    compatibility: { accelerator: 'none', cpuModel: 'none', version, machine: 'fake/1' },
  }
  const traits = ({ vcpus, memoryMb }: FakeShape): StateTraits => ({ driver: 'fake', compatibility: info.compatibility, vcpus, memoryMb })

  const fault = async (point: FaultPoint, op: Op): Promise<void> => faults[point]?.(op).catch(noSpaceOr)

  const sweep: Driver['sweep'] = async (_op, { id, dir }) => {
    if (world.find({ id, dir })) world.crash(id, 'swept')
    await rm(dir, { recursive: true, force: true })
  }

  const start = async (op: Op, point: 'boot' | 'restore', spec: VmSpec, state: GuestState): Promise<FakeVm> => {
    const restored = point === 'restore' ? { vcpus: spec.vcpus, memoryMb: spec.memoryMb } : null
    if (existsSync(spec.dir)) await sweep(op, spec)
    await mkdir(spec.dir, { mode: 0o700 })
    try {
      op.throwIfDone()
      await fault(point, op)
      op.log('running')
      return world.start(spec.id, spec.dir, state, restored)
    } catch (error) {
      await sweep(op, spec)
      throw error
    }
  }

  const toVm = (vm: FakeVm, booted: BootSpec | null): Vm => {
    const alive = (): void => {
      if (!world.find(vm.handle)) throw new DriverError('vm_gone', `VM ${vm.handle.id} is gone`)
    }
    const end = async (reason: string): Promise<void> => {
      if (world.find(vm.handle)) world.crash(vm.handle.id, reason)
      await rm(vm.handle.dir, { recursive: true, force: true })
    }
    return {
      handle: vm.handle,
      exited: vm.exited.promise,
      diagnosis: () => 'the fake guest has no console',
      async connect(op) {
        alive()
        await fault('connect', op)
        const [ours, theirs]: [Duplex, Duplex] = duplexPair()
        theirs.on('close', () => ours.destroy())
        ours.on('close', () => theirs.destroy())
        vm.guest.attach(theirs, async () => {
          // The guest has no caller whose time could run out; a Hello that is never answered is one that hangs.
          using greeting = new Op('greet', { timeoutMs: Infinity })
          await fault('greet', greeting)
        })
        return ours
      },
      async pause(op) {
        alive()
        await fault('pause', op)
        vm.guest.freeze()
      },
      async resume(op) {
        alive()
        await fault('resume', op)
        vm.held = null
        vm.guest.thaw()
      },
      async resizeDisk(op, bytes) {
        alive()
        await fault('resizeDisk', op)
        vm.diskBytes = Math.max(vm.diskBytes, bytes)
      },
      async seal(op, stateFile) {
        if (!booted) throw new DriverError('unsupported', 'Only a VM that this daemon booted can be sealed')
        alive()
        if (!vm.guest.quiesced) throw new DriverError('control_failed', 'The guest was not quiesced before its snapshot')
        await fault('seal', op)
        const stream = vmPaths(vm.handle.dir).state
        await writeMemory(booted.memoryFile, vm.guest.state())
        await writeFile(stream, DEVICE_STATE)
        await writeStateFile(stateFile, stream, traits(booted))
        await end('sealed')
      },
      async capture(op, spec) {
        alive()
        return captureFake(op, vm, spec, { traits, fault, alive })
      },
      async kill(op) {
        await fault('kill', op)
        await end('killed')
      },
      get held() {
        return vm.held
      },
      usage() {
        if (!world.find(vm.handle)) return Promise.resolve(null)
        const cpuSeconds = (performance.now() - vm.startedAt) / 100_000
        return Promise.resolve({ cpuSeconds, memoryBytes: 64 * 1024 * 1024 })
      },
    }
  }

  return {
    world,
    faults,
    info: () => Promise.resolve(info),
    // The fake guest reads no disk; what is cloned and chained only has to be files.
    createLayer: (_op, { base, to }) => writeFile(to, JSON.stringify({ base }), { flag: 'wx', mode: 0o600 }),
    async boot(op, spec) {
      vmPaths(spec.dir)
      await checkDisk(spec)
      await checkKernel(spec)
      await checkMemoryFile(spec)
      const vm = await start(op, 'boot', spec, FRESH_GUEST)
      // A guest that runs changes its memory: a page of this file is no hole any more.
      await writeMemory(spec.memoryFile, FRESH_GUEST)
      return toVm(vm, spec)
    },
    async restore(op, spec) {
      vmPaths(spec.dir)
      await checkDisk(spec)
      await checkMemoryFile(spec)
      await using file = await openStateFile(spec.stateFile, traits(spec))
      if ((await file.readFile('utf8')) !== DEVICE_STATE) throw new DriverError('bad_snapshot', `${spec.stateFile} is of no fake VM`)
      // The fake guest's memory is in the first pages, which every capture writes: those of the overlay are all there is.
      if (spec.overlay) {
        await checkMemoryFile({ memoryFile: spec.overlay.memoryFile, memoryMb: spec.memoryMb })
        await verifyMemory(op, spec.overlay.memoryFile, spec.overlay.sumsFile)
      }
      return toVm(await start(op, 'restore', spec, await readMemory(spec.overlay?.memoryFile ?? spec.memoryFile)), null)
    },
    async adopt(op, handle) {
      await fault('adopt', op)
      const vm = world.find(handle)
      return vm && toVm(vm, null)
    },
    sweep,
    list: (root) =>
      Promise.resolve([...world.vms.values()].flatMap(({ handle }) => (handle.dir.startsWith(`${resolve(root)}/`) ? [handle.id] : []))),
    close: () => Promise.resolve(),
  }
}
