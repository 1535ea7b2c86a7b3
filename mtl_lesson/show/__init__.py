from .curves import learning_curves
from .schools import SchoolsPicture, schools
from .sheets import answers, pictures, ready
