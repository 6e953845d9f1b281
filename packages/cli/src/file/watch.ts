import { defineCommand } from '../core/command.ts'
import { flag, whole } from '../core/options.ts'
import { oneLine } from '../core/text.ts'
import { filesOf, idArgument, pathArgument, userOption } from './common.ts'

const WIDTH = 'overflow'.length

export const fileWatch = defineCommand({
  path: 'machine file watch',
  summary:
    'Show changes in a directory, or of a file, as they happen, until Ctrl-C: create, write, remove, rename, chmod; overflow when some may ' +
    'have been missed. With --json one line per change.',
  args: { id: idArgument, path: pathArgument },
  options: {
    recursive: flag('--recursive', 'Also what is below'),
    timeout: whole('--timeout <seconds>', 'End after so long'),
    user: userOption,
  },
  examples: [
    'nullspace machine file watch mch_abc /workspace --recursive',
    'nullspace machine file watch mch_abc /workspace/log.txt --timeout 60 --json',
  ],
  async run(context) {
    const { args, io, json, note } = context
    const { files, options } = filesOf(context)
    await using watch = await files.watch(args.path, { ...options, recursive: args.recursive })
    if (args.timeout !== undefined) {
      AbortSignal.timeout(args.timeout * 1000).addEventListener('abort', () => void watch.close(), { once: true })
    }
    // From here on nothing is missed, which a script may wait for.
    note(`watching ${args.path}`)
    for await (const { event, name, path } of watch) {
      io.stdout.write(json ? `${JSON.stringify({ event, name, path })}\n` : `${event.padEnd(WIDTH)}  ${oneLine(path)}\n`)
      await io.stdout.drained()
    }
  },
})
