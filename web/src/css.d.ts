declare module "*.css";

/** The address of a file, relative to the script. */
declare module "*.bin" {
  const address: string;
  export default address;
}
