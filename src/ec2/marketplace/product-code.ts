/** Product codes in EC2's shape; all of Kiln's are the marketplace's. */
export function describeProductCodes(
  codes: readonly string[] = [],
): { ProductCodeId: string; ProductCodeType: 'marketplace' }[] {
  return codes.map((code) => ({ ProductCodeId: code, ProductCodeType: 'marketplace' }))
}

/** The codes of all the lists, each once, to be spread into the record that has them; nothing when there are none. */
export function withProductCodes(...lists: readonly (readonly string[] | undefined)[]): { productCodes?: string[] } {
  const productCodes = [...new Set(lists.flatMap((list) => list ?? []))]
  return productCodes.length === 0 ? {} : { productCodes }
}

/** What the filter `product-code.type` looks at. */
export function productCodeTypesOf(codes: readonly string[] = []): string[] {
  return codes.length === 0 ? [] : ['marketplace']
}
