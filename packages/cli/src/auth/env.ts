import { KEY_VARIABLES, URL_VARIABLES } from '@nullspace/contract/config-files.ts'
import { findConfig } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { CliError } from '../core/failure.ts'

export const authEnv = defineCommand({
  path: 'auth env',
  summary: 'Print key and URL as shell commands for eval; this shows the key.',
  examples: ['eval "$(nullspace auth env)"'],
  async run({ io }) {
    const { apiKey, baseUrl } = findConfig({}, io)
    if (apiKey.value === undefined) throw new CliError('missing_api_key', 'no API key is configured', 'Run "nullspace auth login".')
    return { [KEY_VARIABLES[0]]: apiKey.value, [URL_VARIABLES[0]]: baseUrl.value }
  },
  render: (variables, { io }) =>
    io.stdout.write(
      Object.entries(variables)
        .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
        .join(''),
    ),
})

const quoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`
