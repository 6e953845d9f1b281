import type { DownloadResult, UploadResult } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { userOption } from '../file/common.ts'
import { receive, receivedLines, receiveOptions } from './receive.ts'
import { send, sendOptions, sentLine } from './send.ts'

export const machineCp = defineCommand({
  path: 'machine cp',
  summary: 'Copy a file or a directory to a machine or from one: the same as upload and download.',
  args: {
    source: argument('src', 'ID:PATH in a machine, or a local path; - is standard input'),
    destination: argument('dst', 'The other; a directory to put it in ends with a slash'),
  },
  options: { ...sendOptions, ...receiveOptions, user: userOption },
  examples: [
    'nullspace machine cp data.csv mch_abc:/workspace/',
    'nullspace machine cp mch_abc:/etc/hosts .',
    'nullspace machine cp mch_abc:/workspace/out ./out --force',
  ],
  async run(context): Promise<UploadResult | DownloadResult | undefined> {
    const { source, destination, user, force, ...options } = context.args
    const [from, to] = [remoteOf(source), remoteOf(destination)]
    if (from && to) throw usageError('both are in machines', 'Download it first, then upload it.')
    if (to) {
      if (force) throw usageError('--force is for what comes from a machine', 'Say --conflict replace.')
      return send(context, { id: to.id, source, destination: to.path, user, ...options })
    }
    if (!from) throw usageError('neither is in a machine', 'Write one of them as ID:PATH, as mch_abc:/workspace.')
    const foreign = Object.entries(options).find(([, value]) => value !== undefined)
    if (foreign) throw usageError(`--${foreign[0]} is for what goes to a machine`)
    return receive(context, { id: from.id, path: from.path, local: destination, force, user })
  },
  toJson: toWire,
  render(result, { io, note }) {
    if (result) io.stdout.write('targetPath' in result ? sentLine(result) : receivedLines(result, note))
  },
})

/** A local file of such a name is written with `./` before it. */
function remoteOf(place: string): { readonly id: string; readonly path: string } | undefined {
  const [, id, path] = /^(mch_\w+):(.*)$/s.exec(place) ?? []
  return id === undefined ? undefined : { id, path: path || '.' }
}
