// A container that is stopped and started, or saved and restored where podman can: the nearest that it has to a pause.

import { GLOBAL, LIMITS, type Podman } from './podman.ts'
import { program } from './program.ts'

/** One that runs and does nothing, until it is removed. */
export interface IdleContainer extends AsyncDisposable {
  readonly name: string
}

export interface Container extends AsyncDisposable {
  /** Null when a container's processes can be saved here; else what was tried, and what it said. */
  readonly noCheckpoint: string | null
  /** Its processes end or are saved; ms. */
  stop(): Promise<number>
  /** They run again and a command in it has ended; ms. */
  startAndRun(): Promise<number>
}

/** Ends at once when it is told to: what follows measures podman, not a program's patience. */
const PROGRAM = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done']

export async function startIdle({ image }: Podman): Promise<IdleContainer> {
  const name = `nullspace-bench-${process.pid}`
  await podman('run', '-d', '--name', name, '--network=none', ...LIMITS, image, ...PROGRAM)
  return {
    name,
    [Symbol.asyncDispose]: async () => void (await program('podman', [...GLOBAL, 'rm', '-f', '-t', '0', name])),
  }
}

export async function startContainer(from: Podman): Promise<Container> {
  const idle = await startIdle(from)
  const { name } = idle
  const remove = (): PromiseLike<void> => idle[Symbol.asyncDispose]()
  try {
    const noCheckpoint = await tryCheckpoint(name)
    const [stop, start] =
      noCheckpoint === null
        ? [
            ['container', 'checkpoint'],
            ['container', 'restore'],
          ]
        : [['stop'], ['start']]
    return {
      noCheckpoint,
      stop: async () => podman(...(stop ?? []), name),
      async startAndRun() {
        const started = await podman(...(start ?? []), name)
        return started + (await podman('exec', name, 'sh', '-c', 'true'))
      },
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function tryCheckpoint(name: string): Promise<string | null> {
  const saved = await program('podman', [...GLOBAL, 'container', 'checkpoint', name])
  if (!saved.ok) return `${shortly(saved.why)}; criu says: ${shortly((await program('criu', ['check'])).why)}`
  const restored = await program('podman', [...GLOBAL, 'container', 'restore', name])
  if (!restored.ok) throw new Error(restored.why)
  return null
}

/** The first of what it said: what follows are its consequences. */
function shortly(why: string): string {
  const said = why.slice(why.indexOf(': ') + 2)
  return /criu failed: [^\\"]+/.exec(said)?.[0] ?? said.split(' | ')[0] ?? said
}

/** From spawn to exit, ms; rejects unless it ended with 0. */
export async function podman(...args: string[]): Promise<number> {
  const { ok, why, ms } = await program('podman', [...GLOBAL, ...args])
  if (!ok) throw new Error(why)
  return ms
}
