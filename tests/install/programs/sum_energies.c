/* The same in C. */
#include <atp.h>
#include <stdio.h>

int main(int argc, char** argv) {
  atp_dataset* dataset = NULL;
  uint64_t records = 0, i;
  double sum = 0, energy = 0;
  atp_batch batch = {sizeof(batch)};
  batch.graph_room = 1;
  batch.real = ATP_F32;
  batch.energy = &energy;
  if (argc != 2 || atp_open(argv[1], &dataset) != ATP_OK || atp_count(dataset, &records) != ATP_OK) goto failed;
  for (i = 0; i < records; ++i) {
    if (atp_read(dataset, i, 0, &batch) != ATP_OK) goto failed;
    sum += energy;
  }
  printf("%llu records, %.6f eV\n", (unsigned long long)records, sum);
  atp_close(dataset);
  return 0;
failed:
  fprintf(stderr, "%s\n", atp_last_error());
  atp_close(dataset);
  return 1;
}
