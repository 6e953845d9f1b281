import { EXIT } from '@nullspace/contract/exit-codes.ts'
import { defineCommand } from '../core/command.ts'
import { filesOf, idArgument, pathArgument, userOption } from './common.ts'

export const fileExists = defineCommand({
  path: 'machine file exists',
  summary: 'Exit with 0 when there is something at a path, with 1 when there is not. Prints nothing without --json.',
  args: { id: idArgument, path: pathArgument },
  options: { user: userOption },
  examples: [
    'nullspace machine file exists mch_abc /workspace/done && echo finished',
    'nullspace machine file exists mch_abc /workspace/done --json',
  ],
  async run(context) {
    const { files, options } = filesOf(context)
    return { exists: await files.exists(context.args.path, options) }
  },
  exitCode: ({ exists }) => (exists ? EXIT.ok : EXIT.failure),
})
