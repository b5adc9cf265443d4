/** Of each DuckDB that reads and writes files. Memory: row groups of 122,880 samples are what it keeps. */
export const SETTINGS = {
  memory_limit: '512MiB',
  threads: '1',
  temp_directory: '',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};
