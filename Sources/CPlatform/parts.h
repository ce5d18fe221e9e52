/* What the files of this room share. All of it is called between fork and exec: only system calls. */
#pragma once
#include "CPlatform.h"

/* Landlock, as far as the kernel knows it. 0, or the number of the error. */
int fence_enter(const struct platform_fence *fence);

/* The flags of clone(2) for rooms of one's own. */
unsigned long rooms_flags(void);
/* To be called by a process made with them: makes the view of files that the fence says. 0, or the number of the error. */
int rooms_enter(const struct platform_fence *fence, unsigned user, unsigned group);
/* Gives up the rights that a process has in rooms of its own. */
void rooms_drop(void);

/* Refuses the calls that a reader of foreign files needs not: 0, or the number of the error. */
int calls_of_reader(void);
/* Refuses the calls with which a program would get around its bounds: 0, or the number of the error. */
int calls_of_program(void);
