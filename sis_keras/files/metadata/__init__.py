"""What files say of their pictures, whatever their format."""
