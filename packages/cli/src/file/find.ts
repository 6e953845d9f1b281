import { FILE_LIMITS } from '@nullspace/contract/files.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { filesOf, idArgument, userOption } from './common.ts'

export const fileFind = defineCommand({
  path: 'machine file find',
  summary: 'Find lines in files, as path:line:content.',
  args: {
    id: idArgument,
    path: argument('path', 'File, or directory with all below it'),
    pattern: argument('pattern', 'Regular expression (RE2); plain text when it is none'),
  },
  options: { user: userOption },
  examples: [
    'nullspace machine file find mch_abc /workspace "TODO|FIXME"',
    'nullspace machine file find mch_abc /etc/passwd ^root: --json',
  ],
  run(context) {
    const { files, options } = filesOf(context)
    return files.find(context.args.path, context.args.pattern, options)
  },
  toJson: toWire,
  render(matches, { io, note }) {
    for (const { file, line, content } of matches) io.stdout.write(`${file}:${line}:${content}\n`)
    if (matches.length === 0) note('nothing found')
    if (matches.length >= FILE_LIMITS.matches) note(`note: there may be more than these ${FILE_LIMITS.matches} lines`)
  },
})

export const fileSearch = defineCommand({
  path: 'machine file search',
  summary: 'Find files by name: a path per line.',
  args: {
    id: idArgument,
    path: argument('path', 'Directory to begin at'),
    glob: argument('glob', 'Of the name, as *.py; with a slash in it, of the path from there (** is any directories)'),
  },
  options: { user: userOption },
  examples: [
    'nullspace machine file search mch_abc /workspace "*.py"',
    'nullspace machine file search mch_abc /workspace "src/**/test_*.py" --json',
  ],
  run(context) {
    const { files, options } = filesOf(context)
    return files.search(context.args.path, context.args.glob, options)
  },
  render(paths, { io, note }) {
    for (const path of paths) io.stdout.write(`${path}\n`)
    if (paths.length === 0) note('nothing found')
    if (paths.length >= FILE_LIMITS.results) note(`note: there may be more than these ${FILE_LIMITS.results} paths`)
  },
})
