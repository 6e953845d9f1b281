// One terminal per connection: a new one, or one that is there. Closing the connection leaves the terminal.

import { StringDecoder } from 'node:string_decoder'
import { PtyFrame } from '@nullspace/contract/terminals.ts'
import type { App } from '../../app/context.ts'
import type { ProcessListener } from '../../app/processes.ts'
import { connectTerminal, startTerminal, type Terminal } from '../../app/terminals.ts'
import { Op } from '../../observe/op.ts'
import { invalidInput } from '../errors.ts'
import { inputOf } from '../input.ts'
import type { ChannelCall } from './channel.ts'
import { Feed } from './feed.ts'
import { occupy } from './occupy.ts'
import type { ChannelSocket } from './socket.ts'
import { Turns } from './turns.ts'

const SIGKILL = 9
const DONE = 1000

export function openPty(app: App, socket: ChannelSocket, { principal, params }: ChannelCall): void {
  const machineId = params['id'] ?? ''
  let begun = false
  let terminal: Terminal | null = null
  const turns = new Turns(socket)

  const begin = async (frame: Extract<PtyFrame, { type: 'pty_start' | 'pty_connect' }>): Promise<void> => {
    const { id } = frame
    const feed = new Feed(socket)
    const listener = tell(socket, feed, id, () => terminal?.info.session_id ?? '')
    await occupy(socket, feed, {
      id,
      open: () =>
        frame.type === 'pty_connect'
          ? connectTerminal(app, principal, machineId, frame, listener)
          : startTerminal(app, principal, machineId, { ...frame, size: { cols: frame.cols, rows: frame.rows } }, listener),
      take: (made) => {
        terminal = made
        return { type: 'pty_started', id, ...made.info }
      },
      otherwise: 'there is no terminal',
    })
  }

  socket.onFrame((value) => {
    const parsed = PtyFrame.safeParse(value)
    if (!parsed.success) return socket.refuse(invalidInput('body', parsed.error).message)
    const frame = parsed.data
    if (frame.type === 'pty_start' || frame.type === 'pty_connect') {
      if (begun) return socket.refuse('There is a terminal on this connection already; open another for another.')
      begun = true
      turns.add(0, () => begin(frame))
      return
    }
    if (!begun) return socket.refuse('Start with pty_start or pty_connect.')
    // What cannot be written has no reader any more; its end is told by the terminal itself.
    // Not behind input that a program does not read.
    if (frame.type === 'pty_kill' && terminal) return terminal.attachment.signal(SIGKILL)
    const bytes = frame.type === 'pty_input' ? (frame.data ?? frame.data_base64 ?? '').length : 0
    turns.add(bytes, () => work(socket, terminal, frame).catch(() => {}))
  })
}

async function work(socket: ChannelSocket, terminal: Terminal | null, frame: PtyFrame): Promise<void> {
  if (!terminal) return
  const { attachment } = terminal
  if (frame.type === 'pty_kill') attachment.signal(SIGKILL)
  else if (frame.type === 'pty_resize') attachment.resize(frame)
  else if (frame.type === 'pty_input') {
    using op = new Op('terminal input', { timeoutMs: Infinity, signal: socket.signal })
    await attachment.write(op, inputOf(frame))
  }
}

function tell(socket: ChannelSocket, feed: Feed, id: string, sessionId: () => string): ProcessListener {
  const decoder = new StringDecoder('utf8')
  return {
    output: (_, bytes) =>
      feed.output('screen', bytes, (data) => ({
        type: 'pty_output',
        id,
        session_id: sessionId(),
        data: decoder.write(data),
        data_base64: data.toString('base64'),
      })),
    ended: ({ exitCode }) =>
      feed.after(() => {
        socket.send({ type: 'pty_exited', id, session_id: sessionId(), exit_code: exitCode })
        socket.finish(DONE, 'the terminal has ended')
      }),
    lost: (error) =>
      feed.after(() => {
        socket.send({
          type: 'error',
          id,
          session_id: sessionId(),
          message: `The machine’s agent was lost: ${error.message}.`,
          code: 'machine_failed',
        })
        socket.finish(DONE, 'the machine’s agent was lost')
      }),
  }
}
