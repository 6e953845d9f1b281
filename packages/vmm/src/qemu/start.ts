// From a prepared directory to a running VM, or to nothing at all.

import { writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { DriverError, noSpaceOr } from '../errors.ts'
import { Op } from '../op.ts'
import type { Held, RestoredFrom, Vm, VmExit, VmHandle, VmSpec } from '../driver.ts'
import { isRoot } from './access.ts'
import { captureVm } from './capture.ts'
import type { Cgroups } from './cgroup.ts'
import { qemuArguments, type Start, STATE_FD } from './command-line.ts'
import type { HostTraits } from './host.ts'
import { launch, type Launched } from './launch.ts'
import { vmPaths, type VmPaths } from '../paths.ts'
import { bootId, type ProcessId } from './process.ts'
import { openQmp, type Qmp, type QmpEvent } from './qmp.ts'
import { readTail } from './tail.ts'
import { createVm, remove, type VmParts } from './vm.ts'

export interface StartParts {
  readonly spec: VmSpec & { readonly memoryFile: string }
  readonly binary: string
  readonly host: HostTraits
  readonly cgroups: Cgroups
  readonly groups: readonly number[]
  readonly connections: VmParts['connections']
  readonly start: Start
  /** As the command line has them. */
  readonly fds: readonly (number | 'ignore')[]
  /** Everything is open that the process opens by name; a restored guest does not run yet, nor does one that waits load. */
  readonly onOpened: (process: ProcessId) => Promise<void>
  readonly restored: RestoredFrom | null
  readonly seal: ((parts: Pick<VmParts, 'qmp' | 'paths' | 'process'>) => VmParts['seal']) | null
}

export async function startVm(op: Op, parts: StartParts): Promise<Vm> {
  const { spec, cgroups } = parts
  const paths = vmPaths(spec.dir)
  let launched: Launched | null = null
  try {
    cgroups.prepare(spec)
    launched = await launchVm(parts, paths)
    op.log(`pid ${launched.process.pid}`)
    yieldToDaemon(launched.process.pid)
    await preferForOom(launched.process.pid)
    const [vm] = await Promise.all([takeControl(op, parts, paths, launched), cgroups.enter(spec.id, launched.process.pid)])
    return vm
  } catch (error) {
    // The operation's time may be up; what it left behind is removed all the same.
    using cleanUp = new Op(`remove ${spec.id}`, { timeoutMs: 10_000 })
    await remove(cleanUp, { id: spec.id, process: launched?.process ?? null, paths, cgroups }).catch((second: unknown) => {
      op.log(`not all of it could be removed: ${String(second)}`)
    })
    return noSpaceOr(error)
  }
}

/** Nice value of a VM, inherited by the threads that it has yet to start. */
const VM_NICE = 10

/** Guests may take every core, and the daemon that answers for all of them must still get its turn at once. */
function yieldToDaemon(pid: number): void {
  try {
    setPriority(pid, VM_NICE)
  } catch {
    // It ended already, and why is told by whoever watches it.
  }
}

/** A host that runs out of memory loses one machine rather than the daemon that looks after all. */
async function preferForOom(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/oom_score_adj`, '500').catch(() => {})
}

function launchVm({ spec, binary, host, groups, start, fds }: StartParts, paths: VmPaths): Promise<Launched> {
  return launch({
    binary,
    arguments: qemuArguments(spec, start, host),
    log: paths.log,
    fds,
    keepConsole: start.kind === 'boot',
    netns: isRoot() ? (spec.network?.netns ?? null) : null,
    identity: isRoot() ? { uid: spec.uid, gid: spec.gid, groups } : null,
  })
}

async function takeControl(
  op: Op,
  { spec, start, cgroups, connections, seal, onOpened, restored }: StartParts,
  paths: VmPaths,
  launched: Launched,
): Promise<Vm> {
  const diagnosis = (): string => [readTail(paths.log, 2000), launched.console?.text().slice(-4000)].filter(Boolean).join('\n')
  const exited = launched.exited.then((how): VmExit => ({
    reason: [`QEMU ended with ${how}`, memoryKill(cgroups, spec.id), lastWords(diagnosis())].filter(Boolean).join(': '),
  }))
  const ended = exited.then(({ reason }) => {
    throw failedStart(reason, start.kind)
  })
  ended.catch(() => {})
  const watch = watchEvents()
  let qmp: Qmp | null = null
  try {
    qmp = await openControl(op, paths, ended, watch.onEvent)
    await op.race(Promise.race([onOpened(launched.process), ended]))
    if (start.kind === 'restore') {
      if (start.waits) await qmp.execute(op, 'migrate-incoming', { uri: `fd:${STATE_FD}` })
      // While it still loads, this says that it is to run afterwards.
      await qmp.execute(op, 'cont')
      await op.race(Promise.race([watch.running, ended]))
    }
    op.log('running')
  } catch (error) {
    qmp?.close()
    // The connection ends a moment before the process does, and only that says why.
    throw await op.race(Promise.race([ended, sleep(500, error)])).catch((reason: unknown) => reason)
  }
  const identity = { driver: 'qemu', id: spec.id, dir: paths.dir, ...launched.process, bootId: bootId() }
  const handle: VmHandle = restored ? { ...identity, restored } : identity
  const common = { handle, paths, process: launched.process, qmp, cgroups, connections, exited, isHeld: watch.isHeld, diagnosis }
  const capture: VmParts['capture'] = restored ? (op_, wanted) => captureVm(op_, { ...common, restored }, wanted) : null
  return createVm({ ...common, seal: seal?.(common) ?? null, capture })
}

/** QEMU makes its socket some tens of milliseconds after its start. */
async function openControl(op: Op, paths: VmPaths, ended: Promise<never>, onEvent: (event: QmpEvent) => void): Promise<Qmp> {
  for (;;) {
    try {
      return await openQmp(op, paths.control, onEvent)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error
    }
    await op.race(Promise.race([ended, sleep(1)]))
  }
}

export interface EventWatch {
  onEvent(event: QmpEvent): void
  isHeld(): Held | null
  readonly running: Promise<void>
}

export function watchEvents(held: Held | null = null): EventWatch {
  const running = Promise.withResolvers<void>()
  return {
    onEvent({ event, data }) {
      if (event === 'BLOCK_IO_ERROR' && data['action'] === 'stop') held = data['nospace'] === true ? 'disk_full' : 'disk_error'
      if (event === 'RESUME') {
        held = null
        running.resolve()
      }
    },
    isHeld: () => held,
    running: running.promise,
  }
}

function failedStart(reason: string, kind: 'boot' | 'restore'): DriverError {
  const isState = kind === 'restore' && /load of migration failed|savevm|vmstate|section|Unknown ramblock/i.test(reason)
  return new DriverError(isState ? 'bad_snapshot' : 'launch_failed', reason)
}

function memoryKill(cgroups: Cgroups, id: string): string {
  return cgroups.memoryKills(id) > 0 ? 'killed for using more memory than it was given' : ''
}

/** For an error's sentence: what QEMU warned of at its start is not why it ended, and a panic is more than what follows it. */
export function lastWords(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.includes(': warning: '))
  return lines.find((line) => line.includes('Kernel panic')) ?? lines.slice(-3).join(' | ')
}
