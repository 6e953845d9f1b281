import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { flag } from '../core/options.ts'
import { filesOf, idArgument, pathArgument, userOption } from './common.ts'

export const fileUrl = defineCommand({
  path: 'machine file url',
  summary: 'Print an address that gives a file, or takes it, without a key. Whoever has it can use it, for ten minutes.',
  args: { id: idArgument, path: pathArgument },
  options: {
    download: flag('--download', 'For a GET'),
    upload: flag('--upload', 'For a PUT of its bytes, or a form with the field "file"'),
    user: userOption,
  },
  examples: [
    'curl -o plot.png "$(nullspace machine file url mch_abc /workspace/plot.png --download)"',
    'curl -T data.csv "$(nullspace machine file url mch_abc /workspace/data.csv --upload)"',
  ],
  async run(context) {
    const { path, download = false, upload = false } = context.args
    if (download === upload) throw usageError('the address is for one of two things', 'Add either --download or --upload.')
    const { files, options } = filesOf(context)
    return upload ? files.uploadUrl(path, options) : { url: await files.downloadUrl(path, options) }
  },
  render: ({ url }, { io }) => io.stdout.write(`${url}\n`),
})
