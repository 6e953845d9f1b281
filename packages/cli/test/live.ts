// Commands and terminals of the fake daemon: a script for each connection, and what was sent on them.

import { PID } from '../../sdk/test/exec-frames.ts'
import type { FakeDaemon } from '../../sdk/test/fake-daemon.ts'
import type { FakeSocket } from '../../sdk/test/fake-sockets.ts'
import { machine } from '../../sdk/test/samples.ts'

export type Sent = Record<string, unknown>
type Script = (socket: FakeSocket, first: Sent) => unknown

/** Frames, or what to do with the connection once its first frame has come. Answers all frames of the client; the last script stays. */
export function live(daemon: FakeDaemon, ...scripts: (Script | readonly object[])[]): Sent[] {
  const sent: Sent[] = []
  daemon.on({ getMachine: () => machine(), listProcesses: () => [{ pid: PID, command: 'cat', running: true }] })
  daemon.onSocket({
    async websocketUpgrade(socket) {
      const script = scripts.length > 1 ? scripts.shift() : scripts[0]
      const noted: FakeSocket = {
        ...socket,
        async next() {
          const frame = await socket.next()
          if (frame !== undefined) sent.push(frame as Sent)
          return frame
        },
      }
      const first = (await noted.next()) as Sent
      if (typeof script === 'function') return void (await script(noted, first))
      for (const frame of script ?? []) socket.send(frame)
      while ((await noted.next()) !== undefined);
    },
  })
  return sent
}

/** Takes all input of a connection that is for that; answers when it is closed, or the connection is over. */
export async function takeInput(socket: FakeSocket): Promise<void> {
  for (let frame = await socket.next(); frame !== undefined; frame = await socket.next()) {
    if ((frame as Sent)['type'] !== 'exec_stdin') return
    socket.send({ type: 'exec_stdin_taken' })
  }
}

/** The bytes that were sent as input. */
export const inputIn = (sent: readonly Sent[]): Buffer =>
  Buffer.concat(sent.flatMap(({ type, data_base64 }) => (type === 'exec_stdin' ? [Buffer.from(String(data_base64), 'base64')] : [])))
