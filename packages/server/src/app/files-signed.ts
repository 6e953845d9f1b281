// Addresses that stand for one file for a short while, for whoever has them: what they are for is in them, signed with a
// key that no one but this daemon has.

import { AppError } from '@nullspace/contract/errors.ts'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Principal } from '../domain/principal.ts'
import { findPrincipalByKey } from '../store/tables/keys.ts'
import type { App } from './context.ts'
import { baseOf, type Place, refuseReserved } from './files-use.ts'
import { getMachine } from './machines.ts'

const VALID_MS = 600_000
/** As much as fits into the head of a request, with room. */
const MOST_CHARACTERS = 8192

const Grant = z.object({
  verb: z.enum(['download', 'upload']),
  machine: z.string(),
  /** It ends with the key that made it. */
  key: z.string(),
  path: z.string(),
  user: z.string().nullable(),
  /** ms since the epoch. */
  expires: z.number(),
})
type Grant = z.output<typeof Grant>

export async function signFile(app: App, principal: Principal, place: Place, verb: Grant['verb'], path: string): Promise<string> {
  const machine = await getMachine(app, principal, place.machineId)
  refuseReserved(baseOf(machine, place.user), path, 'path')
  const expires = app.clock.now() + VALID_MS
  const grant: Grant = { verb, machine: machine.id, key: principal.keyId, path, user: place.user ?? null, expires }
  const text = Buffer.from(JSON.stringify(grant)).toString('base64url')
  const token = `${text}.${signatureOf(app, text).toString('base64url')}`
  if (token.length <= MOST_CHARACTERS) return token
  throw new AppError('invalid_request', { say: 'path: is too long for an address.', details: { field: 'path' } })
}

export interface Granted {
  readonly principal: Principal
  readonly place: Place
  readonly path: string
}

export async function openSigned(app: App, token: string, verb: Grant['verb']): Promise<Granted> {
  const [text = '', signature = '', ...rest] = token.split('.')
  const right = signatureOf(app, text)
  const given = Buffer.from(signature, 'base64url')
  if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) throw refused('is not valid')
  const grant = Grant.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  if (grant.verb !== verb) throw refused(`is for another purpose: ${grant.verb}`)
  if (grant.expires <= app.clock.now()) throw refused('has expired')
  const principal = await findPrincipalByKey(app.db, grant.key)
  if (!principal) throw refused('was made with a key that is revoked')
  return { principal, place: { machineId: grant.machine, user: grant.user }, path: grant.path }
}

/** Of the text as it stands in the token; the first word keeps it apart from whatever else the key may sign. */
const signatureOf = (app: App, text: string): Buffer => createHmac('sha256', app.fileUrlKey).update(`file-url ${text}`).digest()

const refused = (why: string): AppError => new AppError('unauthorized', { say: `The token of this address ${why}.` })
