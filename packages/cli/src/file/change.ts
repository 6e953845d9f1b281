// Verbs that change one path and have little to tell.

import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { filesOf, idArgument, pathArgument, userOption } from './common.ts'

export const fileMkdir = defineCommand({
  path: 'machine file mkdir',
  summary: 'Make a directory and those above it; one that is there is no error.',
  args: { id: idArgument, path: pathArgument },
  options: { user: userOption },
  examples: ['nullspace machine file mkdir mch_abc /workspace/a/b'],
  async run(context) {
    const { files, options } = filesOf(context)
    const { path } = context.args
    await files.makeDir(path, options)
    return { path }
  },
  render: ({ path }, { io }) => io.stdout.write(`made ${path}\n`),
})

export const fileMv = defineCommand({
  path: 'machine file mv',
  summary: 'Move or rename, within a filesystem. A file at the new path is replaced.',
  args: {
    id: idArgument,
    from: argument('old-path', 'What to move'),
    to: argument('new-path', 'Where to, in full; one that ends with a slash is the directory to put it in'),
  },
  options: { user: userOption },
  examples: ['nullspace machine file mv mch_abc draft.txt report.txt', 'nullspace machine file mv mch_abc report.txt /srv/'],
  run(context) {
    const { files, options } = filesOf(context)
    const { from, to } = context.args
    const name = from.replace(/\/+$/, '').split('/').at(-1) ?? ''
    return files.rename(from, to.endsWith('/') ? to + name : to, options)
  },
  toJson: toWire,
  render: ({ path }, { args, io }) => io.stdout.write(`moved ${args.from} to ${path}\n`),
})

const OCTAL = /^0?[0-7]{3,4}$/

export const fileChmod = defineCommand({
  path: 'machine file chmod',
  summary: 'Set the permissions of a file or directory.',
  args: { id: idArgument, path: pathArgument, mode: argument('mode', 'In octal digits, as 0755') },
  options: { user: userOption },
  examples: ['nullspace machine file chmod mch_abc run.sh 0755'],
  async run(context) {
    const { path, mode } = context.args
    if (!OCTAL.test(mode)) throw usageError(`"${mode}" is no mode`, 'It stands behind the path, in octal digits, as 0755.')
    const { files, options } = filesOf(context)
    await files.setPermissions(path, mode, options)
    return { path, mode: mode.padStart(4, '0') }
  },
  render: ({ path, mode }, { io }) => io.stdout.write(`${mode} ${path}\n`),
})

export const fileRm = defineCommand({
  path: 'machine file rm',
  summary: 'Remove a file, a symlink (not what it leads to), or a directory with all that is in it.',
  args: { id: idArgument, path: pathArgument },
  options: { user: userOption },
  examples: ['nullspace machine file rm mch_abc /workspace/build'],
  async run(context) {
    const { files, options } = filesOf(context)
    const { path } = context.args
    await files.remove(path, options)
    return { path }
  },
  render: ({ path }, { io }) => io.stdout.write(`removed ${path}\n`),
})
