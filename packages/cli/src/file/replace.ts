import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, flag, manyArguments } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { filesOf, idArgument, userOption } from './common.ts'

export const fileReplace = defineCommand({
  path: 'machine file replace',
  summary: 'Replace plain text everywhere in files.',
  args: {
    id: idArgument,
    pattern: argument('pattern', 'What to look for, as it is'),
    replacement: argument('replacement', 'What to put there'),
    paths: manyArguments('paths', 'Files'),
  },
  options: { dryRun: flag('--dry-run', 'Only count'), user: userOption },
  examples: [
    'nullspace machine file replace mch_abc localhost:8000 api:8000 /workspace/config.yaml --dry-run',
    'nullspace machine file replace mch_abc colour color README.md docs/guide.md',
  ],
  run(context) {
    const { pattern, replacement, paths, dryRun } = context.args
    if (paths.length === 0) throw usageError('no files given', 'Name them behind the replacement.')
    const { files, options } = filesOf(context)
    return files.replace(paths, pattern, replacement, { ...options, dryRun })
  },
  toJson: toWire,
  render({ replacements, filesModified, filesSkipped, binaryFilesSkipped }, { args, io }) {
    const counted = `${count(replacements, 'replacement')} in ${count(filesModified, 'file')}`
    const left = [filesSkipped > 0 && `${filesSkipped} skipped`, binaryFilesSkipped > 0 && `${binaryFilesSkipped} binary`].filter(Boolean)
    io.stdout.write(`${args.dryRun ? 'would make ' : ''}${counted}${left.length > 0 ? ` (${left.join(', ')})` : ''}\n`)
  },
})

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
