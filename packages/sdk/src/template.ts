import { TemplateInfo as WireTemplateInfo, listTemplates } from '@nullspace/contract/templates.ts'
import { checked } from './checked.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

export type TemplateInfo = Camel<WireTemplateInfo>

export const Template = {
  /** What machines can be created from; `shapes` are the sizes that start at once. */
  async list(options: Connection = {}): Promise<TemplateInfo[]> {
    const templates = await Client.of(options).call(listTemplates, {}, options)
    return templates.map((template) => fromWire(WireTemplateInfo, checked(WireTemplateInfo, template, listTemplates.id)))
  },
}
