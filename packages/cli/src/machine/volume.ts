import { InvalidArgumentError } from 'commander'

const NAMES = ['ref', 'mount', 'subpath', 'ro']

/** `ref=data,mount=/mnt/data[,subpath=a/b][,ro=true]` as the API writes it. */
export function parseVolume(spec: string): Record<string, unknown> {
  const parts = new Map(spec.split(',').map((part) => [part.split('=')[0]?.trim() ?? '', part.slice(part.indexOf('=') + 1).trim()]))
  const unknown = [...parts.keys()].find((name) => !NAMES.includes(name))
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is not one of ${NAMES.join(', ')}.`)
  const ref = parts.get('ref')
  const mount = parts.get('mount')
  if (!ref || !mount) throw new InvalidArgumentError('It needs ref=... and mount=...')
  const readOnly = parts.get('ro') ?? 'false'
  if (readOnly !== 'true' && readOnly !== 'false') throw new InvalidArgumentError('ro must be true or false.')
  return { ref, mount_path: mount, read_only: readOnly === 'true', ...(parts.has('subpath') ? { subpath: parts.get('subpath') } : {}) }
}
