int lab_kernels_placeholder(void);
