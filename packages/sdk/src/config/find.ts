// The sources of this process. With webhook-signature.ts, and local/ that is loaded when it is needed, all of the library that uses
// Node's own modules.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolveConfig, type Config, type Explicit, type Sources } from './resolve.ts'

/**
 * Finds key and URL. First non-empty wins: explicit argument; `NULLSPACE_API_KEY`, `NULLSPACE_TOKEN` (URL: `NULLSPACE_API_URL`,
 * `NULLSPACE_BASE_URL`) in the environment; the same in `./.env`; `$XDG_CONFIG_HOME/nullspace/config.json`;
 * `~/.nullspace/config.json`; for the URL `http://localhost:3000`. Never throws: a missing key is reported by the first call.
 */
export function findConfig(explicit: Explicit = {}, sources: Partial<Sources> = {}): Config {
  return resolveConfig(explicit, {
    env: sources.env ?? process.env,
    cwd: sources.cwd ?? process.cwd(),
    home: sources.home ?? homedir(),
    readText: sources.readText ?? readText,
  })
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
