// One command per connection: started here, or attached to by its pid. Closing the connection leaves the process.

import { StringDecoder } from 'node:string_decoder'
import { ExecFrame } from '@nullspace/contract/processes.ts'
import type { App } from '../../app/context.ts'
import { attachProcess, type Attached, type ProcessListener, startProcess } from '../../app/processes.ts'
import { Op } from '../../observe/op.ts'
import { invalidInput } from '../errors.ts'
import { inputOf } from '../input.ts'
import type { ChannelCall } from './channel.ts'
import { Feed } from './feed.ts'
import { occupy } from './occupy.ts'
import type { ChannelSocket } from './socket.ts'
import { Turns } from './turns.ts'

const DEFAULT_TIMEOUT_SECS = 30
const SIGKILL = 9
const DONE = 1000

export function openExec(app: App, socket: ChannelSocket, { principal, params }: ChannelCall): void {
  const machineId = params['id'] ?? ''
  let begun = false
  let process: Attached | null = null
  let inputOnly = false
  /** Behind its start. */
  const turns = new Turns(socket)

  const begin = async (frame: Extract<ExecFrame, { type: 'exec_start' | 'exec_connect' }>): Promise<void> => {
    const { id } = frame
    const feed = new Feed(socket)
    const listener = tell(socket, feed, { id, binary: frame.binary === true }, () => process?.attachment.pid ?? 0)
    await occupy(socket, feed, {
      id,
      open: () =>
        frame.type === 'exec_connect'
          ? attachProcess(app, principal, machineId, { pid: frame.pid, mode: frame.input_only ? 'wait' : 'follow' }, listener)
          : startProcess(app, principal, machineId, { ...frame, id: '', timeoutMs: timeoutMs(frame) }, listener),
      take: (made) => {
        process = made
        return { type: 'exec_started', id, pid: made.attachment.pid }
      },
      otherwise: 'the command was not started',
    })
  }

  socket.onFrame((value) => {
    const parsed = ExecFrame.safeParse(value)
    if (!parsed.success) return socket.refuse(invalidInput('body', parsed.error).message)
    const frame = parsed.data
    if (frame.type === 'exec_start' || frame.type === 'exec_connect') {
      if (begun) return socket.refuse('There is a command on this connection already; open another for another.')
      if (frame.type === 'exec_start' && frame.shell && (frame.args?.length ?? 0) > 0)
        return socket.refuse('args: must be empty with "shell": true; put the arguments into the command line.')
      begun = true
      inputOnly = frame.type === 'exec_connect' && frame.input_only === true
      turns.add(0, () => begin(frame))
      return
    }
    if (!begun) return socket.refuse('Start with exec_start or exec_connect.')
    // Not behind input that a process does not read.
    if (frame.type === 'exec_kill' && process) return process.attachment.signal(frame.signal ?? SIGKILL)
    // The end of the process, with what it did not read, is told by itself.
    turns.add(frame.type === 'exec_stdin' ? (frame.data ?? frame.data_base64 ?? '').length : 0, () =>
      work(socket, process, frame, inputOnly).catch(() => {}),
    )
  })
}

async function work(socket: ChannelSocket, process: Attached | null, frame: ExecFrame, tellTaken: boolean): Promise<void> {
  if (!process) return
  if (frame.type === 'exec_stdin_close') process.attachment.closeInput()
  else if (frame.type === 'exec_kill') process.attachment.signal(frame.signal ?? SIGKILL)
  else if (frame.type === 'exec_stdin') {
    // It may take as long as the process likes: its client is made to wait meanwhile.
    using op = new Op('standard input', { timeoutMs: Infinity, signal: socket.signal })
    await process.attachment.write(op, inputOf(frame))
    if (tellTaken) socket.send({ type: 'exec_stdin_taken', id: frame.id })
  }
}

function tell(
  socket: ChannelSocket,
  feed: Feed,
  { id, binary }: { readonly id: string; readonly binary: boolean },
  pid: () => number,
): ProcessListener {
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  const frame = (kind: 'stdout' | 'stderr', data: string): object | null =>
    data === '' ? null : { type: `exec_${kind}`, id, pid: pid(), data }
  const close = (): void => socket.finish(DONE, 'the command has ended')
  return {
    output: (kind, bytes) =>
      feed.output(kind, bytes, (data) =>
        binary ? { type: `exec_${kind}`, id, pid: pid(), data_base64: data.toString('base64') } : frame(kind, decoders[kind].write(data)),
      ),
    ended: ({ exitCode, timedOut, droppedStdout, droppedStderr }) =>
      feed.after(() => {
        for (const kind of ['stdout', 'stderr'] as const) {
          const rest = frame(kind, decoders[kind].end())
          if (rest) socket.send(rest)
        }
        // Ours: what had been printed and was not kept when this connection came.
        if (droppedStdout + droppedStderr > 0)
          socket.send({ type: 'exec_dropped', id, pid: pid(), stdout_bytes: droppedStdout, stderr_bytes: droppedStderr })
        if (timedOut)
          socket.send({
            type: 'error',
            id,
            pid: pid(),
            message: 'The command did not end in time and was killed with its process group.',
            code: 'exec_timeout',
          })
        else socket.send({ type: 'exec_exit', id, pid: pid(), exit_code: exitCode })
        close()
      }),
    lost: (error) =>
      feed.after(() => {
        socket.send({ type: 'error', id, message: `The machine’s agent was lost: ${error.message}.`, code: 'machine_failed' })
        close()
      }),
  }
}

/** 0 = none. */
const timeoutMs = ({ background, timeout_secs }: Extract<ExecFrame, { type: 'exec_start' }>): number =>
  background ? 0 : Math.ceil((timeout_secs ?? DEFAULT_TIMEOUT_SECS) * 1000)
