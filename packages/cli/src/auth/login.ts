import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { KEY_PATTERN, URL_CONFIG_KEYS } from '@nullspace/contract/config-files.ts'
import { findConfig } from '@nullspace/sdk'
import { defineCommand, type Context } from '../core/command.ts'
import { CliError, usageError } from '../core/failure.ts'
import { text } from '../core/options.ts'
import { fingerprint } from './fingerprint.ts'

export const authLogin = defineCommand({
  path: 'auth login',
  summary: 'Save an API key, and the URL of a daemon, for this user.',
  options: {
    apiUrl: text('--api-url <url>', 'URL to save with the key'),
    apiKey: text('--api-key <->', 'Only "-": read the key from standard input (default: ask for it)'),
  },
  examples: ['nullspace auth login', 'nullspace auth login --api-url https://machines.example.com --api-key - < key.txt'],
  async run(context) {
    const { args, io, note } = context
    const url = args.apiUrl === undefined ? undefined : checkedUrl(args.apiUrl)
    const key = (await readKey(context)).trim()
    if (!/^[\x21-\x7e]+$/.test(key)) throw usageError('the key is empty or has characters that no key has')
    if (!KEY_PATTERN.test(key))
      note('note: this does not look like a key of Nullspace (ns_live_ and 40 letters or digits); saved all the same')
    const { configPath } = findConfig({}, io)
    save(configPath, { api_key: key, ...(url === undefined ? {} : { [URL_CONFIG_KEYS[0]]: url }) })
    const config = findConfig({}, io)
    for (const { source, candidates } of [config.apiKey, config.baseUrl]) {
      const stronger = source === 'env' || source === '.env' ? candidates.find(({ value }) => value !== undefined) : undefined
      if (stronger) note(`note: ${stronger.location} is set and wins over the config file`)
    }
    return { path: configPath, fingerprint: fingerprint(key), ...(url === undefined ? {} : { api_url: url }) }
  },
  render: ({ path }, { io }) => io.stdout.write(`saved to ${path}\n`),
})

async function readKey({ args, io }: Context<{ readonly apiKey: string | undefined }>): Promise<string> {
  if (args.apiKey === '-') return io.readInput()
  if (args.apiKey !== undefined) {
    throw usageError('a key on the command line would show in the process list', 'Use --api-key - and give the key on standard input.')
  }
  if (!io.canAsk) throw usageError('there is nobody to ask for the key', 'Use --api-key - and give the key on standard input.')
  return io.ask('API key: ', { secret: true })
}

function checkedUrl(value: string): string {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) throw usageError(`"${value}" is no http or https URL`)
  return value.replace(/\/+$/, '')
}

/** Keeps what else is in the file; whole or not at all; for this user's eyes only. */
function save(path: string, values: Readonly<Record<string, string>>): void {
  const old: unknown = readOld(path)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}.new`
  writeFileSync(draft, `${JSON.stringify({ ...(typeof old === 'object' ? old : {}), ...values }, null, 2)}\n`, { mode: 0o600 })
  chmodSync(draft, 0o600)
  renameSync(draft, path)
}

function readOld(path: string): unknown {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch {
    return {}
  }
  try {
    return JSON.parse(content)
  } catch {
    throw new CliError('cli_error', `${path} is not JSON`, 'Mend or remove the file, then log in again.')
  }
}
