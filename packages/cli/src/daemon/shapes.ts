// Waiting for the sizes of machines that set-up promises.

import { getHostStatus, type HostStatus } from '@nullspace/contract/host.ts'
import { MachineError, TransportError, type Client } from '@nullspace/sdk'
import { CliError } from '../core/failure.ts'
import { duration, memory } from '../core/table.ts'
import { pause } from './pause.ts'

type Shape = HostStatus['shapes'][number]

export interface WaitOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly alive: () => boolean
  readonly note: (line: string) => void
}

const POLL_MS = 500

/** Resolves when every shape is ready; tells each change. @throws CliError when one failed, time is up, or the daemon ended. */
export async function waitForShapes(client: Client, { timeoutMs, signal, alive, note }: WaitOptions): Promise<HostStatus> {
  const begin = performance.now()
  const told = new Map<string, string>()
  for (;;) {
    if (!alive())
      throw new CliError('daemon_failed', 'the daemon ended while its templates were prepared', 'Look at "nullspace daemon logs".')
    const status = await read(client, signal)
    const spent = performance.now() - begin
    for (const shape of status?.shapes ?? []) {
      const { name, state } = describe(shape)
      if (told.get(name) !== state && (told.has(name) || shape.state !== 'ready')) note(`${duration(spent).padStart(6)}  ${name}: ${state}`)
      told.set(name, state)
    }
    const open = status?.shapes.filter(({ state }) => state === 'building' || state === 'absent')
    if (status !== undefined && open?.length === 0) return allReady(status)
    if (spent > timeoutMs) {
      throw new CliError(
        'timeout',
        `not ready after ${duration(timeoutMs)}; the daemon goes on`,
        'Wait on with "nullspace daemon start", or look at "nullspace daemon status".',
      )
    }
    await pause(POLL_MS, signal)
  }
}

function allReady(status: HostStatus): HostStatus {
  const failed = status.shapes.filter(({ state }) => state === 'failed')
  if (failed.length === 0) return status
  const lines = failed.map((shape) => `${describe(shape).name}: ${describe(shape).state}`)
  throw new CliError(
    'template_not_ready',
    `not all templates could be prepared: ${lines.join('; ')}`,
    '"nullspace doctor" and "nullspace daemon logs" say why.',
  )
}

export function describe({ template, vcpus, memory_mb, state, detail }: Shape): { readonly name: string; readonly state: string } {
  return { name: `${template}, ${vcpus} vCPU, ${memory(memory_mb)}`, state: detail === undefined ? state : `${state} (${detail})` }
}

/** Undefined while a busy daemon does not answer in time. */
async function read(client: Client, signal: AbortSignal): Promise<HostStatus | undefined> {
  try {
    return await client.call(getHostStatus, {}, { signal })
  } catch (error) {
    if (error instanceof TransportError || (error instanceof MachineError && error.code === 'timeout')) return undefined
    throw error
  }
}
