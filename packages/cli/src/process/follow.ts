// A process of a machine at this terminal: its output on ours, our input to it, Ctrl-C.

import { Commands, MachineError, type CommandHandle, type CommandResult, type Listeners } from '@nullspace/sdk'
import type { Context } from '../core/command.ts'
import { Interrupted, type Io } from '../core/io.ts'

const KILL_MS = 5000

/** Its outputs on ours, byte for byte and no faster than they are taken. */
export const onOurs = ({ stdout, stderr }: Io): Listeners => ({
  onStdout(_, bytes) {
    stdout.write(bytes)
    return stdout.drained()
  },
  onStderr(_, bytes) {
    stderr.write(bytes)
    return stderr.drained()
  },
})

/** A line of JSON for each piece of text. */
const asLines = ({ stdout }: Io): Listeners => {
  const tell = (stream: 'stdout' | 'stderr') => (data: string) => {
    if (data === '') return undefined
    stdout.write(`${JSON.stringify({ stream, data })}\n`)
    return stdout.drained()
  }
  return { onStdout: tell('stdout'), onStderr: tell('stderr') }
}

/** Heard, so that it is taken off the connection, and shown to nobody. */
export const unseen: Listeners = { onStdout: () => {} }

/** A process that runs already, from its beginning to its end; with `--json` a line per piece and one for the end. */
export async function follow(
  { client, io, json, note }: Pick<Context<unknown>, 'client' | 'io' | 'json' | 'note'>,
  { id, pid, input }: { readonly id: string; readonly pid: number; readonly input: boolean },
): Promise<CommandResult> {
  const listeners = json ? asLines(io) : onOurs(io)
  const handle = await new Commands(client, id).connect(pid, { ...listeners, signal: io.signal })
  try {
    const result = await endOf(handle, { io, note }, input)
    if (json) io.stdout.write(`${JSON.stringify({ exit_code: result.exitCode })}\n`)
    else noteLost(handle.lostBytes, note)
    return result
  } finally {
    handle.disconnect()
  }
}

/** Its end, with our input passed to it meanwhile. What it does not take of that is noted. */
export async function endOf(
  handle: CommandHandle,
  { io, note }: Pick<Context<unknown>, 'io' | 'note'>,
  input: boolean,
): Promise<CommandResult> {
  const over = new AbortController()
  const end = handle.wait()
  let refused: MachineError | undefined
  const passing = input
    ? passInput(handle, io, over.signal).catch((error: unknown) => {
        if (!(error instanceof MachineError)) throw error
        refused = error
      })
    : undefined
  try {
    const result = await Promise.race(passing ? [end, passing.then(() => end)] : [end])
    if (refused) note(`note: not all of standard input was passed on: ${refused.message}`)
    return result
  } finally {
    over.abort()
    end.catch(() => {})
  }
}

/** Byte for byte, no faster than it is taken, and then its end. */
async function passInput(handle: CommandHandle, { stdin }: Io, stop: AbortSignal): Promise<void> {
  try {
    await handle.pipeStdin(stdin.chunks(stop), { signal: stop })
  } catch (error) {
    if (!stop.aborted) throw error
  }
}

/** The first Ctrl-C goes to the command, the second kills it, the third leaves it. */
export function passSignals(handle: CommandHandle, leave: AbortController): (signalNumber: number) => void {
  let count = 0
  return (number) => {
    count += 1
    if (count > 2) leave.abort(new Interrupted(number))
    // Whether it came is seen by what the command does.
    else handle.kill(count === 1 ? number : undefined).catch(() => {})
  }
}

/** For a command that nobody waits for any more. */
export async function killQuietly(handle: CommandHandle): Promise<void> {
  try {
    await handle.kill(undefined, { requestTimeoutMs: KILL_MS })
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
  }
}

export function noteLost(bytes: number, note: Context<unknown>['note']): void {
  if (bytes > 0) note(`note: the command printed more than is kept; ${bytes} bytes were dropped`)
}
