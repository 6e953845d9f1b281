import { existsSync } from 'node:fs'
import { defineCommand } from '../core/command.ts'
import { CliError, usageError } from '../core/failure.ts'
import { flag, whole } from '../core/options.ts'
import { lastLines, readFrom } from './log-file.ts'
import { pause } from './pause.ts'
import { dataDirOption, placeOf } from './place.ts'

const DEFAULT_LINES = 50
const POLL_MS = 300

export const daemonLogs = defineCommand({
  path: 'daemon logs',
  summary: 'Show the end of the daemon’s log.',
  options: {
    dataDir: dataDirOption,
    lines: whole('-n, --lines <n>', `How many lines (default: ${DEFAULT_LINES})`, 0),
    follow: flag('-f, --follow', 'Go on with what is added, until Ctrl-C'),
  },
  examples: ['nullspace daemon logs -n 200', 'nullspace daemon logs -f'],
  async run({ args, io, json }) {
    if (args.follow && json) throw usageError('--follow and --json exclude each other', 'The log is made of JSON lines as it is.')
    const { log } = placeOf(io, args.dataDir)
    if (!existsSync(log) && !args.follow)
      throw new CliError('log_not_found', `there is no log at ${log}`, 'The daemon was not started with this data directory.')
    let { text, end } = readFrom(log, 0)
    const lines = lastLines(text, args.lines ?? DEFAULT_LINES)
    if (!args.follow) return { log, lines }
    io.stdout.write(lines.map((line) => `${line}\n`).join(''))
    for (;;) {
      await pause(POLL_MS, io.signal)
      ;({ text, end } = readFrom(log, end))
      if (text !== '') io.stdout.write(text)
    }
  },
  render: ({ lines }, { io }) => io.stdout.write(lines.map((line) => `${line}\n`).join('')),
})
