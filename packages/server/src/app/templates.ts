// Templates: what machines are created from.

import { AppError } from '@nullspace/contract/errors.ts'
import { DEFAULTS } from '@nullspace/contract/machines.ts'
import type { TemplateInfo } from '@nullspace/contract/templates.ts'
import type { TemplateFacts } from '../host/host.ts'
import type { App } from './context.ts'

const BUILT_IN = new Set(['base'])

export function theTemplate(app: App, ref: string = DEFAULTS.template): TemplateFacts {
  const [name, tag] = ref.split(':', 2)
  const found = app.host.templates().find((template) => template.name === name && (tag === undefined || tag === 'default'))
  if (found) return found
  if (BUILT_IN.has(ref))
    throw new AppError('template_not_ready', { say: `The guest image of template ${ref} has not been built on this host yet.` })
  throw new AppError('template_not_found', { say: `There is no template ${ref.slice(0, 80)}.` })
}

export function listTemplates(app: App): TemplateInfo[] {
  return app.host.templates().map((template) => ({
    id: `tmpl_${template.name}`,
    name: template.name,
    description: template.description,
    builtin: true,
    canonical_ref: template.name,
    namespace_slug: 'nullspace',
    visibility: 'public',
    tags: ['default'],
    default_tag: 'default',
    shapes: template.readyShapes.map(({ vcpus, memoryMb }) => ({ vcpus, memory_mb: memoryMb })),
  }))
}
