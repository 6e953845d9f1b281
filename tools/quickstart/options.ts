// The command line of `npm run quickstart`.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface QuickstartOptions {
  readonly help: boolean
  readonly daemon: boolean
  readonly dataDir: string | undefined
  readonly port: number | undefined
}

export const usage = `npm run quickstart [-- options]

Sets this host up and takes you to a running machine; each step is skipped when it is done already.

  --no-daemon     set up only: start no daemon and run no example
  --data-dir DIR  where the daemon keeps its store, snapshots and disks (default: the daemon's own)
  --port N        port on 127.0.0.1 for the API (default: the daemon's own)
  --help          this text
`

export function parseOptions(args: readonly string[]): QuickstartOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      'no-daemon': { type: 'boolean', default: false },
      'data-dir': { type: 'string' },
      port: { type: 'string' },
    },
  })
  const port = values.port === undefined ? undefined : Number(values.port)
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new Error(`--port must be a number from 1 to 65535, not "${values.port}"`)
  return {
    help: values.help,
    daemon: !values['no-daemon'],
    dataDir: values['data-dir'] === undefined ? undefined : resolve(values['data-dir']),
    port,
  }
}
