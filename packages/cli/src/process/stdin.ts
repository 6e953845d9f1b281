import { Commands, MachineError } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { argument, flag } from '../core/options.ts'
import { pidArgument, pidOf } from './pid.ts'

export const processStdin = defineCommand({
  path: 'machine process stdin',
  summary: 'Write to the standard input of a process.',
  args: {
    id: argument('id', 'Machine id'),
    pid: pidArgument,
    text: argument('text', 'What to write, as it is, without a newline behind it; - is our standard input'),
  },
  options: { close: flag('--close', 'End its standard input behind that') },
  examples: [
    "nullspace machine process stdin mch_abc 412 $'yes\\n'",
    'nullspace machine process stdin mch_abc 412 - --close < answers.txt',
  ],
  async run({ client, args: { id, text, close = false, ...args }, io }) {
    const pid = pidOf(args.pid)
    const { signal } = io
    const commands = new Commands(client, id)
    if (text === '-') {
      const { bytes, complete } = await commands.pipeStdin(pid, io.stdin.chunks(signal), { close, signal })
      if (!complete) throw new MachineError(`process ${pid} has ended; it was given ${bytes} bytes`, { code: 'exec_failed' })
      return { pid, bytes, closed: close }
    }
    await commands.sendStdin(pid, text, { signal })
    if (close) await commands.closeStdin(pid, { signal })
    return { pid, bytes: Buffer.byteLength(text), closed: close }
  },
})
