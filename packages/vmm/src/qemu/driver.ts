// Driver for stock QEMU. Here: what belongs to no single VM (what the host offers, finding and sweeping VMs) and the
// order of things at a start. In this folder: QEMU's command line, its control protocol, its process and its files.

import { existsSync } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { DriverError, noSpaceOr } from '../errors.ts'
import { Op } from '../op.ts'
import type { Driver, DriverInfo, RestoreSpec, VmSpec } from '../driver.ts'
import { openStateFile, type StateTraits } from '../state-file.ts'
import { giveTo, isRoot, share, takeBack } from './access.ts'
import { adoptVm } from './adopt.ts'
import { findCgroups, type Cgroups } from './cgroup.ts'
import { MACHINE } from './command-line.ts'
import { allowTun, kvmGroups } from './devices.ts'
import { openLayers } from './disk.ts'
import { checkDisk, checkKernel, checkMemoryFile } from '../files.ts'
import { createLayer } from './layer.ts'
import { findVms, isBelow, VM_NAME } from './find.ts'
import { readHostTraits, type HostTraits } from './host.ts'
import { layOver } from './lay-over.ts'
import { probeKvm, type KvmVerdict } from './kvm-probe.ts'
import { lend, notLent, type Lent } from './lend.ts'
import { vmPaths } from '../paths.ts'
import { sealVm } from './seal.ts'
import { startVm } from './start.ts'
import { remove } from './vm.ts'

export interface QemuOptions {
  /** Where the verdict on KVM is kept for as long as the host runs. */
  readonly stateDir: string
  readonly accelerator?: 'auto' | 'kvm' | 'tcg'
  readonly binary?: string
  /** Name of the control group that holds one group per VM; null = do not use any. */
  readonly cgroup?: string | null
}

interface Ready {
  readonly host: HostTraits
  readonly verdict: KvmVerdict
  readonly cgroups: Cgroups
}

export function qemuDriver({ stateDir, accelerator = 'auto', binary = 'qemu-system-x86_64', cgroup = 'nullspace' }: QemuOptions): Driver {
  const lifetime = new AbortController()
  const connections = new Set<Disposable>()
  let ready: Promise<Ready> | null = null

  /** Once per driver; a failure is not kept, so that installing QEMU needs no restart. */
  const prepare = (): Promise<Ready> => {
    ready ??= (async () => {
      using op = new Op('look at the host', { timeoutMs: 20_000, signal: lifetime.signal })
      const verdict: KvmVerdict =
        accelerator === 'auto'
          ? await probeKvm(op, { binary, stateDir })
          : { usable: accelerator === 'kvm', reason: 'Chosen by configuration' }
      const host = await readHostTraits(op, binary, verdict.usable ? 'kvm' : 'tcg')
      const cgroups = findCgroups(isRoot() ? cgroup : null)
      return { host, verdict, cgroups }
    })()
    ready.catch(() => (ready = null))
    return ready
  }

  const sweep: Driver['sweep'] = async (op, { id, dir }) => {
    const { cgroups } = await prepare()
    const left = findVms().filter((vm) => vm.id === id && vm.dir === resolve(dir))
    for (const { process } of left) await remove(op, { id, process, paths: vmPaths(dir), cgroups })
    if (left.length === 0) await remove(op, { id, process: null, paths: vmPaths(dir), cgroups })
  }

  /** A directory may be left from an attempt that was cut off; starting twice has to do the same as starting once. */
  const makeRoom = async (op: Op, spec: VmSpec): Promise<void> => {
    if (existsSync(spec.dir)) await sweep(op, spec)
    await mkdir(spec.dir, { mode: 0o700 }).catch(noSpaceOr)
    await giveTo(spec.dir, spec, 0o700)
    await giveTo(spec.disk, spec)
    if (spec.network && isRoot()) await allowTun()
  }

  return {
    async info() {
      return describe(await prepare())
    },

    async boot(op, spec) {
      checkSpec(spec)
      const { host, cgroups } = await prepare()
      await checkDisk(spec)
      await checkKernel(spec)
      await checkMemoryFile(spec)
      await makeRoom(op, spec)
      await giveTo(spec.memoryFile, spec)
      await using layers = await openLayers(spec.backing)
      return await startVm(op, {
        spec,
        binary,
        host,
        cgroups,
        connections,
        groups: await kvmGroups(host),
        start: { kind: 'boot', kernel: spec.kernel, initramfs: spec.initramfs },
        fds: ['ignore', 'ignore', ...layers.fds],
        onOpened: () => Promise.resolve(),
        restored: null,
        seal: (parts) => sealVm({ ...parts, spec, traits: stateTraits(spec, host), sharedWritable: !host.readOnlyMemoryFile }),
      })
    },

    async restore(op, spec) {
      checkSpec(spec)
      const { host, cgroups } = await prepare()
      await checkDisk(spec)
      await checkMemoryFile(spec)
      const { overlay } = spec
      if (overlay) await checkMemoryFile({ memoryFile: overlay.memoryFile, memoryMb: spec.memoryMb })
      await using state = await openStateFile(spec.stateFile, stateTraits(spec, host))
      await makeRoom(op, spec)
      await using layers = await openLayers(spec.backing)
      await using save = await open(vmPaths(spec.dir).state, 'wx', 0o600).catch(noSpaceOr)
      await giveTo(vmPaths(spec.dir).state, spec)
      await using memory = await openMemory(op, spec, host)
      const { dev, ino, size } = await stat(spec.memoryFile, { bigint: true })
      const mapped = { dev: `${dev}`, ino: `${ino}`, bytes: Number(size) }
      return await startVm(op, {
        spec,
        binary,
        host,
        cgroups,
        connections,
        groups: await kvmGroups(host),
        start: { kind: 'restore', waits: overlay !== undefined },
        fds: [state.fd, save.fd, ...layers.fds],
        async onOpened(process) {
          await memory.takeBack()
          if (overlay) await layOver(op, process, mapped, overlay)
          // The sockets are bound; from here on a hypervisor that a guest took over cannot put others in their place.
          await takeBack(spec.dir)
        },
        restored: {
          vcpus: spec.vcpus,
          compatibility: compatibility(host),
          disk: spec.disk,
          layers: spec.backing.length,
          memory: mapped,
        },
        seal: null,
      })
    },

    async adopt(op, handle) {
      return adoptVm(op, handle, { cgroups: (await prepare()).cgroups, connections, lifetime: lifetime.signal })
    },

    createLayer,

    sweep,

    list: (root) => Promise.resolve(findVms().flatMap((vm) => (isBelow(resolve(root), vm.dir) ? [vm.id] : []))),

    close() {
      for (const connection of connections) connection[Symbol.dispose]()
      lifetime.abort(new DriverError('vm_gone', 'The driver was closed'))
      return Promise.resolve()
    },
  }
}

async function openMemory(op: Op, spec: RestoreSpec, host: HostTraits): Promise<Lent> {
  if (spec.memoryAccess === 'private') return lend(op, spec.memoryFile, spec)
  await share(spec.memoryFile, spec, { writable: !host.readOnlyMemoryFile })
  return notLent
}

const NAME = 'qemu'

function describe({ host, verdict, cgroups }: Ready): DriverInfo {
  return {
    name: NAME,
    version: host.version,
    features: { accelerator: host.accelerator, liveSnapshot: true },
    acceleratorReason: verdict.reason,
    boundsReason: cgroups.reason,
    compatibility: compatibility(host),
  }
}

function compatibility({ accelerator, cpuModel, version }: HostTraits): DriverInfo['compatibility'] {
  return { accelerator, cpuModel, version, machine: MACHINE }
}

function stateTraits({ vcpus, memoryMb }: { vcpus: number; memoryMb: number }, host: HostTraits): StateTraits {
  return { driver: NAME, compatibility: compatibility(host), vcpus, memoryMb }
}

function checkSpec({ id, dir }: VmSpec): void {
  if (!VM_NAME.test(id)) throw new DriverError('launch_failed', `Not usable as the name of a VM: ${id}`)
  vmPaths(dir)
}
