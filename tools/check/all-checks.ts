// The steps of the static gate. Those that take longest come first, so that the short ones fill the gaps.
import { agent } from './agent.ts'
import { boundaries } from './boundaries-check.ts'
import type { Check } from './check.ts'
import { docs } from './docs.ts'
import { fileLength } from './file-length.ts'
import { generated } from './generated.ts'
import { hygiene } from './hygiene.ts'
import { python } from './python.ts'
import { sampleConfig } from './sample-config.ts'
import { deadCode, format, lint, types } from './typescript.ts'

export const allChecks: readonly Check[] = [
  agent,
  deadCode,
  types,
  python,
  generated,
  format,
  lint,
  boundaries,
  docs,
  hygiene,
  fileLength,
  sampleConfig,
]
