/**
 * Writes the small YAML description that each layer, volume and image directory carries of itself, from the records, so that
 * the database can be rebuilt from the disk.
 */
export interface DescriptionWriter {
  describeLayer(layerId: string): Promise<void>
  describeImage(imageId: string): Promise<void>
  describeVolume(volumeId: string): Promise<void>
}
